//! What the suites in other languages are run against.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
use std::path::PathBuf;
use std::process::Command;

use crate::places::Places;
use crate::shell::{self, Failure};

/// The dynamic library and the command, of one build.
#[derive(Debug)]
pub(crate) struct Artifacts {
    /// The dynamic library that the bindings load.
    pub(crate) library: PathBuf,
    /// The command `haversack`, so that a test can start a relay.
    pub(crate) binary: PathBuf,
}

impl Artifacts {
    /// Builds both, together with the whole workspace: on their own they would be built with other features of the shared
    /// dependencies, and those compiled twice.
    ///
    /// # Errors
    /// When the build fails.
    pub(crate) fn build(places: &Places) -> Result<Self, Failure> {
        shell::run(places.cargo().args(["build", "--workspace"]))?;
        let folder = places.target().join("debug");
        Ok(Self {
            library: folder.join(format!("{DLL_PREFIX}haversack_ffi{DLL_SUFFIX}")),
            binary: folder.join(format!("haversack{EXE_SUFFIX}")),
        })
    }

    /// Tells `command` where both are.
    pub(crate) fn tell(&self, command: &mut Command) {
        command.env("HAVERSACK_LIB", &self.library);
        command.env("HAVERSACK_BIN", &self.binary);
    }
}
