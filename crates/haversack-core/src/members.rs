//! Who is in a space: identities, signed statements, the roster they make, epochs, grants, enrolment.
//!
//! A statement's authority comes from its signature and from the statements before it, never from who
//! delivered it. Revocation and rotation are carried as bytes here and take effect with the version that
//! defines them (PROTOCOL § 6).

mod enrol;
mod epoch;
mod grant;
mod identity;
mod parts;
mod roster;
mod statement;

pub use enrol::Words;
pub(crate) use enrol::{Answer, Pending, Request};
pub(crate) use epoch::{EpochStatement, RosterSegment, put_statements, read_statements};
pub(crate) use grant::GrantEntry;
#[cfg(test)]
pub(crate) use grant::seal as seal_grant;
pub(crate) use identity::{Identity, actor, device, lane};
pub use parts::code_parts;
pub use roster::Member;
pub(crate) use roster::Roster;
pub(crate) use statement::Statement;
pub use statement::{RelayAddress, Role};
