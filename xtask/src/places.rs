//! Where things are: the workspace, cargo's target folder, and `build/` for everything else that is made here.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::shell::{self, Failure};

/// The folders that the commands work in.
#[derive(Debug)]
pub(crate) struct Places {
    root: PathBuf,
    target: PathBuf,
}

impl Places {
    /// Asks cargo for the workspace and its target folder.
    ///
    /// # Errors
    /// When cargo cannot describe the workspace.
    pub(crate) fn find() -> Result<Self, Failure> {
        let mut command = Command::new(cargo_path());
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        let text = shell::capture(&mut command)?;
        let metadata: Value = serde_json::from_str(&text).map_err(Failure::failed)?;
        Ok(Self {
            root: folder(&metadata, "workspace_root")?,
            target: folder(&metadata, "target_directory")?,
        })
    }

    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The folder, ignored by git, for generated code and installed tools.
    pub(crate) fn build(&self) -> PathBuf {
        self.root.join("build")
    }

    /// Prepares a command that runs in the workspace's folder.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// Prepares the cargo that started this program.
    pub(crate) fn cargo(&self) -> Command {
        self.command(cargo_path())
    }
}

fn cargo_path() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn folder(metadata: &Value, key: &str) -> Result<PathBuf, Failure> {
    let path = metadata.get(key).and_then(Value::as_str);
    path.map(PathBuf::from).ok_or_else(|| Failure::Failed(format!("cargo metadata names no {key}")))
}
