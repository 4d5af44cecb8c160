//! Who is in a space: identities, signed statements, the roster they make, epochs, grants, enrolment.
//!
//! ```text
//! statement ─► roster (graph) ─► standing (members, cuts)
//!                  └► epochs (which stand, which is live) ─► group (what is owed, to whom)
//! ```
//!
//! A statement's authority comes from its signature and from the statements that its signer had seen, never from who
//! delivered it or when (PROTOCOL § 6).

mod enrol;
mod epoch;
mod epochs;
mod exposed;
mod grant;
mod group;
#[cfg(test)]
mod histories;
mod identity;
mod packs;
mod parts;
#[cfg(test)]
mod reference;
mod roster;
mod set;
mod standing;
mod statement;

pub use enrol::Words;
pub(crate) use enrol::{Answer, Pending, Request};
#[cfg(test)]
pub(crate) use epoch::NewEpoch;
pub(crate) use epoch::{
    EpochStatement, RosterSegment, put_epochs, put_statements, read_epochs, read_statements,
};
pub(crate) use epochs::{Facts, Held, Table};
#[cfg(test)]
pub(crate) use grant::{GrantEntry, seal as seal_grant};
pub(crate) use group::{FIELD_AGE, Group, Live, Owed};
pub(crate) use identity::{Identity, actor, device, lane, space as space_of};
pub(crate) use packs::Packs;
pub use parts::code_parts;
pub(crate) use roster::{Roster, is_introduced};
pub(crate) use set::Set;
pub use standing::Member;
pub(crate) use standing::Standing;
pub(crate) use statement::{Content, Cut, Statement, Written, hash as statement_hash};
pub use statement::{RelayAddress, Role};
