//! This program as a process of its own, in a role, perhaps in a network namespace.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use haversack::RelayUrl;
use serde_json::Value;

/// How to reach the place where a process runs: empty for here.
pub(crate) type Place<'a> = &'a [&'a str];

fn command(place: Place<'_>, args: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match place {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.arg("role").args(args);
    command
}

/// What a device's task prints.
pub(crate) fn device(place: Place<'_>, args: &[&str]) -> Value {
    let output = command(place, args).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One sync of the store in a folder: what it took, and what the process needed.
pub(crate) fn sync(place: Place<'_>, store: &Path, url: &RelayUrl) -> Value {
    device(place, &["sync", store.to_str().unwrap(), &url.to_string()])
}

/// A relay, until it is dropped.
pub(crate) struct Relay {
    child: Child,
    pub(crate) url: RelayUrl,
}

impl Relay {
    pub(crate) fn start(place: Place<'_>, data: &Path, listen: &str) -> Self {
        let mut command = command(place, &["relay", data.to_str().unwrap(), listen]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.trim().parse().unwrap() }
    }
}

impl Relay {
    /// Waits until it has ended.
    pub(crate) fn stop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
    }
}
