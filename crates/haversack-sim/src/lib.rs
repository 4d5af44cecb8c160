//! The simulator: whole fleets in one thread under a seed.
//!
//! Devices are real engines, each over a database on a disk in memory that fails as disks do; relays are the real machine
//! over a memory that can be put back, forked and merged, and lies now and then; files are handed about, whole or in part. A
//! run is a list of [`Act`]s, drawn from its seed beforehand, so that a failing one can be made smaller by leaving some out.
//! When all has happened, nothing goes wrong any more, everybody meets, and the checkers look at what is left.
//!
//! ```
//! use haversack_sim::{Setup, run_seed};
//! let outcome = run_seed(1, &Setup { steps: 20, ..Setup::default() });
//! assert_eq!(outcome.finding, None);
//! ```

mod act;
mod bugs;
mod checkers;
mod device;
mod dice;
mod disk;
mod finding;
mod founding;
mod history;
mod model;
mod play;
mod relay;
mod run;
mod settle;
mod shrink;
mod trace;
mod world;

pub use act::{Act, Failure, Lie, draw};
pub use bugs::{BUGS, Seeded};
pub use finding::{Checker, Finding};
pub use haversack_core::sim::Bug;
pub use history::History;
pub use run::{Outcome, Setup, run_acts, run_many, run_seed};
pub use shrink::shrink;
