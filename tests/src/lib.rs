//! What every suite needs: where the workspace is, and the built command.

use std::env::consts::EXE_SUFFIX;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

static COMMAND: OnceLock<PathBuf> = OnceLock::new();

/// Returns the folder of the workspace.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Returns the path of the command `haversack`: what `HAVERSACK_BIN` names, or else one that it builds, once a process.
///
/// # Errors
/// When the build fails.
pub fn haversack_command() -> Result<&'static Path> {
    if let Some(path) = COMMAND.get() {
        return Ok(path);
    }
    let path = match std::env::var_os("HAVERSACK_BIN") {
        Some(path) => path.into(),
        None => build()?,
    };
    Ok(COMMAND.get_or_init(|| path))
}

/// With the whole workspace, so that shared dependencies are not compiled again with other features.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    let status = command.args(["build", "--workspace"]).current_dir(root()).status()?;
    if !status.success() {
        return Err(Error::other(format!("cargo build: {status}")));
    }
    Ok(target_folder()?.join(format!("haversack{EXE_SUFFIX}")))
}

/// A test runs from `debug/deps/`, the command lies in `debug/`.
fn target_folder() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2);
    folder.map(Path::to_path_buf).ok_or_else(|| Error::other("a test outside of a target folder"))
}
