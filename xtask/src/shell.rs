//! Running other programs, and why that may fail.

use std::fmt::{Display, Formatter};
use std::io::ErrorKind;
use std::process::{Command, ExitStatus, Stdio};

/// Why a command of this program did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A tool is not here and could not be installed: a reason to skip, but never in CI.
    Missing(String),
    /// Something was run, or looked at, and is wrong.
    Failed(String),
}

impl Failure {
    /// Wraps the text of any error.
    pub(crate) fn failed(error: impl Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// Turns a failure to install into a missing tool.
    pub(crate) fn into_missing(self, what: &str) -> Self {
        Self::Missing(format!("{what} is missing ({self})"))
    }
}

impl Display for Failure {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(reason) | Self::Failed(reason) => out.write_str(reason),
        }
    }
}

/// Runs `command`; what it prints goes straight through.
///
/// # Errors
/// [`Failure::Missing`] when there is no such program, [`Failure::Failed`] when it exits with anything but 0.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    match command.status() {
        Ok(status) => judge(command, status),
        Err(error) => Err(cannot_start(command, &error)),
    }
}

/// Runs `command` and returns what it printed on standard output.
///
/// # Errors
/// As [`run`].
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    command.stderr(Stdio::inherit());
    match command.output() {
        Ok(output) => {
            judge(command, output.status)?;
            String::from_utf8(output.stdout).map_err(Failure::failed)
        }
        Err(error) => Err(cannot_start(command, &error)),
    }
}

/// Whether `program` can be started at all.
pub(crate) fn exists(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

fn judge(command: &Command, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::Failed(format!("{}: {status}", shown(command))))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    let text = format!("{}: {error}", shown(command));
    match error.kind() {
        ErrorKind::NotFound => Failure::Missing(text),
        _ => Failure::Failed(text),
    }
}

/// The program's name and the start of its arguments: enough to know which one it was.
fn shown(command: &Command) -> String {
    const CHARS_MAX: usize = 80;
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let args = command.get_args().map(|arg| format!(" {}", arg.to_string_lossy()));
    let text: String = args.collect();
    let start: String = text.chars().take(CHARS_MAX).collect();
    format!("{}{start}", name.to_string_lossy())
}
