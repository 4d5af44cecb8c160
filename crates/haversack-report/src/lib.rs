//! Indicators over contacts and client files, from exact integers.
//!
//! A [`Report`] is a pure function of what the view shows and of a [`Period`]. Percentages and rates are
//! rounded once, half up, to one decimal; a division by zero is "no data", never 0. Anonymous contacts stand
//! beside coded persons and are never added to them; a contact whose client cannot be resolved here counts
//! for stock only.
//!
//! Definitions: WHO, *Consolidated guidelines on person-centred HIV strategic information*, indicators PRV.8,
//! PRV.9 and PRV.10, as published in the HIV Digital Adaptation Kit.

mod indicators;
mod period;
mod ratio;

pub use indicators::{Indicators, Report};
pub use period::Period;
pub use ratio::{percent, rate};

/// Why a report was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The period has no day.
    #[error("the period ends before it begins: its end is exclusive and must lie after its start")]
    EmptyPeriod,
}
