//! `haversack completions`: what a shell needs to complete a line.

use std::io::{self, Write};

use clap_complete::Shell;
use serde::Serialize;

use crate::output::Show;

/// Prints a script with which a shell completes commands and options
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints a script with which a shell completes commands and options. It completes no names and no ids: what is in \
    a store, no shell may know.\n\n\
    Example:\n  haversack completions bash > ~/.local/share/bash-completion/completions/haversack\n  \
    haversack completions zsh > ~/.zfunc/_haversack\n  \
    haversack completions fish > ~/.config/fish/completions/haversack.fish"
)]
pub(crate) struct Args {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// The script.
#[derive(Debug, Serialize)]
pub(crate) struct Script {
    shell: String,
    script: String,
}

/// Runs it.
pub(crate) fn run(mut command: clap::Command, args: &Args) -> Script {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "haversack", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Script { shell: args.shell.to_string(), script }
}

impl Show for Script {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}", self.script)
    }
}
