//! The suites that cargo runs by itself.

use crate::places::Places;
use crate::shell::{self, Failure};

/// Whether every file is as rustfmt writes it.
pub(super) fn fmt(places: &Places) -> Result<(), Failure> {
    shell::run(places.cargo().args(["fmt", "--all", "--check"]))
}

/// Whether clippy is content with every target.
pub(super) fn clippy(places: &Places) -> Result<(), Failure> {
    let mut command = places.cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    shell::run(&mut command)
}

/// Unit tests, the suites of the package `haversack-tests`, and doc tests.
pub(super) fn test(places: &Places) -> Result<(), Failure> {
    shell::run(places.cargo().args(["test", "--workspace"]))
}

/// The histories of teams, as many as a change of the rules has to survive.
pub(super) fn histories(places: &Places) -> Result<(), Failure> {
    let mut command = places.cargo();
    command.args(["test", "-p", "haversack-core", "--lib", "keep_every_promise"]);
    command.env("HAVERSACK_HISTORIES", "100000").env("HAVERSACK_REAL_HISTORIES", "1000");
    shell::run(&mut command)
}

/// Whole fleets under a seed each; a failing one is made smaller and printed.
pub(super) fn sim(places: &Places) -> Result<(), Failure> {
    let run = |more: &[&str]| {
        let hunt = ["run", "-p", "haversack-sim", "--"];
        shell::run(places.cargo().args(hunt.iter().chain(more)))
    };
    run(&["--runs", "5000"])?;
    run(&["--packs", "--runs", "1000"])?;
    run(&["--meetings", "--runs", "1000"])
}
