//! The Python bindings: the generated module beside its library, under `unittest`.

use crate::artifacts::Artifacts;
use crate::bindings::{self, Language};
use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

const TESTS: &str = "bindings/python/tests";

/// Generates and runs.
pub(super) fn run(places: &Places) -> Result<(), Failure> {
    install::program("python3", "python3")?;
    let artifacts = Artifacts::build(places)?;
    let generated = bindings::generate(places, &artifacts, Language::Python)?;
    let mut command = places.command("python3");
    command.args(["-B", "-W", "error", "-m", "unittest", "discover", "--start-directory", TESTS]);
    command.env("PYTHONPATH", generated);
    artifacts.tell(&mut command);
    shell::run(&mut command)
}
