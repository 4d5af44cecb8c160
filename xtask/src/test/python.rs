//! The Python bindings: the generated module beside its library, under `unittest`.

use std::process::Command;

use crate::artifacts::Artifacts;
use crate::bindings::{self, Language};
use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

const TESTS: &str = "bindings/python/tests";

/// Generates and runs.
pub(super) fn run(places: &Places) -> Result<(), Failure> {
    install::program("python3", "python3")?;
    let mut command = command(places, &Artifacts::build(places)?)?;
    command.args(["-m", "unittest", "discover", "--start-directory", TESTS]);
    shell::run(&mut command)
}

/// Generates the module and prepares a Python that finds it and takes a warning for an error.
///
/// # Errors
/// When the generator cannot be installed, or fails.
pub(super) fn command(places: &Places, artifacts: &Artifacts) -> Result<Command, Failure> {
    let generated = bindings::generate(places, artifacts, Language::Python)?;
    let mut command = places.command("python3");
    command.args(["-B", "-W", "error"]);
    command.env("PYTHONPATH", generated);
    artifacts.tell(&mut command);
    Ok(command)
}
