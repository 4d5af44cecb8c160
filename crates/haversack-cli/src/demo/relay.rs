//! The relay of the demo: this same program, as a process of its own.

use std::path::Path;
use std::process::Stdio;

use haversack::RelayUrl;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Error, failing};

const STARTING: &str = "the relay process did not start";

/// A running relay process. It stops when its standard input closes, so it cannot outlive the demo.
pub(super) struct RelayProcess {
    child: Child,
    url: RelayUrl,
}

#[derive(Deserialize)]
struct Listening {
    url: String,
}

impl RelayProcess {
    /// Starts a relay on a free loopback port.
    pub(super) async fn start(data: &Path) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(failing(STARTING))?;
        let mut child = Command::new(program)
            .args([
                "--json",
                "relay",
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--stop-with-stdin",
                "--data",
            ])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failing(STARTING))?;
        let closed = || std::io::Error::other("it closed its output");
        let output = child.stdout.take().ok_or_else(|| failing(STARTING)(closed()))?;
        let line = BufReader::new(output).lines().next_line().await.map_err(failing(STARTING))?;
        let line = line.ok_or_else(|| failing(STARTING)(closed()))?;
        let listening: Listening = serde_json::from_str(&line)
            .map_err(|error| failing(STARTING)(std::io::Error::other(error)))?;
        Ok(Self { child, url: listening.url.parse()? })
    }

    /// Where it listens.
    pub(super) const fn url(&self) -> &RelayUrl {
        &self.url
    }

    /// Lets it finish and waits for it.
    pub(super) async fn stop(mut self) -> Result<(), Error> {
        drop(self.child.stdin.take());
        let status = self.child.wait().await.map_err(failing("the relay process did not stop"))?;
        match status.success() {
            true => Ok(()),
            false => {
                Err(failing("the relay process failed")(std::io::Error::other(status.to_string())))
            }
        }
    }
}
