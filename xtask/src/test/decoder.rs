//! The second decoder, in Python, over the vectors: whether docs/PROTOCOL.md says enough.

use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

const FOLDER: &str = "tests/decoder";
const VECTORS: &str = "fixtures/vectors";

/// Installs what it needs at the versions it names, and lets it open every vector.
pub(super) fn run(places: &Places) -> Result<(), Failure> {
    let folder = places.root().join(FOLDER);
    let python = install::python(places, &folder.join("requirements.txt"))?;
    let mut command = places.command(python);
    command.args(["-B", "-W", "error", "-m", "decoder", VECTORS]);
    command.env("PYTHONPATH", places.root().join("tests"));
    shell::run(&mut command)
}
