//! Packs: what a team has written, in as few bytes as it can be (PROTOCOL § 3.5 to § 3.7).
//!
//! A device that keeps the team's work makes one from its log and pushes it beside the chunks. A new device, and one whose keys are
//! too old for the chunks, takes it segment by segment, each applied and durable as it comes; then the lanes go on from where the
//! pack ends. What the pack's maker says of an author is believed only as far as the author signed it.

mod apply;
mod ends;
mod keys;
mod make;
mod offer;
mod part;
mod shown;
mod state;
mod take;
#[cfg(test)]
mod tests;
mod upkeep;

pub use make::PackMade;
pub(super) use offer::is_pack;
pub use state::PackProgress;
pub(super) use state::PackState;
