//! What a record says: days, codes, quantities, contacts, clients, sites.
//!
//! There is no place here for a name, a number that identifies, an address or a coordinate
//! (domain rules, P4). Every type is checked when it is made from input; what a newer app
//! wrote is kept and shown as it is.

mod client;
mod code;
mod contact;
mod day;
mod label;
mod quantity;
mod site;

pub use client::{BirthBand, Client};
pub use code::{AgeBand, ClientStatus, Duration, Item, Mode, Service, Setting, Sex, SiteKind};
pub use contact::{Contact, Direction, Line, Who};
pub use day::{Day, Month};
pub use label::{Label, SiteCode, SpaceName};
pub use quantity::{Needed, People, Quantity};
pub use site::{Closing, Site};
