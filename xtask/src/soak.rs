//! `cargo xtask soak`: what takes too long for every change.

use crate::places::Places;
use crate::shell::{self, Failure};

/// A test with more of the same than at every change.
struct Soak {
    name: &'static str,
    about: &'static str,
    test: &'static str,
    variable: &'static str,
    runs: &'static str,
}

const SOAKS: [Soak; 1] = [Soak {
    name: "timing",
    about: "1,000 attempts each with right, wrong, duress and empty passphrases, compared by rank",
    test: "forensic::timing",
    variable: "HAVERSACK_TIMING_RUNS",
    runs: "1000",
}];

/// Runs the soaks named in `args`, or all; `--list` lists them.
///
/// # Errors
/// At the first that fails, and for a name that none has.
pub(crate) fn run(places: &Places, args: &[&str]) -> Result<(), Failure> {
    if args == ["--list"] {
        SOAKS.iter().for_each(|soak| println!("{:9} {}", soak.name, soak.about));
        return Ok(());
    }
    if let Some(name) = args.iter().find(|name| SOAKS.iter().all(|soak| soak.name != **name)) {
        return Err(Failure::Failed(format!("no soak is called {name}; see --list")));
    }
    let wanted = |soak: &&Soak| args.is_empty() || args.contains(&soak.name);
    SOAKS.iter().filter(wanted).try_for_each(|soak| {
        let mut command = places.cargo();
        command.args(["test", "-p", "haversack-tests", "--test", "e2e", soak.test]);
        shell::run(command.args(["--", "--nocapture"]).env(soak.variable, soak.runs))
    })
}
