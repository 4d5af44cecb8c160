//! Shares of the root key, as they are handed in: from files, or typed.

use std::path::PathBuf;

use clap::ValueHint;
use haversack::RootShare;

use crate::error::Error;
use crate::passphrase::{Asked, Secrets};

/// Where shares of the root key come from.
#[derive(Debug, clap::Args)]
pub(crate) struct Shares {
    /// The root key of the team, by its shares
    #[arg(long, conflicts_with = "code_file")]
    pub(crate) root: bool,
    /// Takes a share from a file's first line; once for each share. Without this they are asked for on the terminal
    #[arg(long = "share-file", value_name = "FILE", value_hint = ValueHint::FilePath, requires = "root")]
    files: Vec<PathBuf>,
}

impl Shares {
    /// Takes the shares: as many as files name, or as the first one that is typed says that it takes.
    pub(crate) fn ask(&self) -> Result<Vec<RootShare>, Error> {
        if self.files.is_empty() {
            return typed();
        }
        let read = |path: &PathBuf| {
            let secret = Secrets::File(path).ask_for(Asked::Share, "")?;
            let share = RootShare::parse(secret.bytes()).map_err(Error::from);
            share.map_err(|error| error.at(path.display().to_string()))
        };
        self.files.iter().map(read).collect()
    }
}

fn typed() -> Result<Vec<RootShare>, Error> {
    let mut shares: Vec<RootShare> = Vec::new();
    while shares.first().is_none_or(|first| shares.len() < first.needed().into()) {
        let of = shares.first().map(|first| format!(" of {}", first.needed())).unwrap_or_default();
        let secret = Secrets::Terminal
            .ask_for(Asked::Share, &format!("Share {}{of}: ", shares.len() + 1))?;
        shares.push(RootShare::parse(secret.bytes())?);
    }
    Ok(shares)
}
