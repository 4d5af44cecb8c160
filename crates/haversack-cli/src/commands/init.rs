//! `haversack init`: a store, and a team with it.

use std::io::{self, Write};

use haversack::Notebook;
use haversack::model::{Site, SiteCode, SiteKind};
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, Guard, close};
use crate::input;
use crate::output::{Show, count};

/// Founds a team: makes a store, with this device as its first coordinator
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Founds a team: makes a store, with this device as its first coordinator.\n\n\
    Only the first device does this; every other one joins by invitation (haversack join --request). The store \
    is a folder that opens with the passphrase only, and with the words of haversack recovery create. A passphrase has six \
    different words or more: whoever copies the folder can try all short ones.\n\n\
    With --key-file, every command needs that file too; it is made if it is not there. It protects a stolen copy of \
    the folder, and nothing else: who takes the whole disk has the file as well, and who loses it has lost the store, but \
    for the recovery code. With --wipe-after 10, ten wrong passphrases in a row wipe the store; a copy that was made before \
    is not wiped.\n\n\
    Example:\n  haversack init --store team --site KM-V=mobile_van --site KM-N=fixed_nsp"
)]
pub(crate) struct Args {
    /// A site and what kind of place it is, as in KM-V=mobile_van; may be given several times
    #[arg(long = "site", value_name = "CODE=KIND", value_parser = input::site_kind)]
    sites: Vec<(SiteCode, SiteKind)>,
    #[command(flatten)]
    guard: Guard,
}

/// A store was made.
#[derive(Debug, Serialize)]
pub(crate) struct Founded {
    founded: bool,
    sites: u64,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Founded, Error> {
    global.whole()?;
    let notebook = global.create(&args.guard)?;
    notebook.found_space()?;
    let sites = put_sites(&notebook, &args.sites)?;
    close(&notebook);
    Ok(Founded { founded: true, sites })
}

/// Adds a new team's sites; says how many there are.
pub(crate) fn put_sites(notebook: &Notebook, sites: &[(SiteCode, SiteKind)]) -> Result<u64, Error> {
    for (code, kind) in sites {
        let (code, kind) = (code.clone(), kind.clone());
        notebook.put_site(&Site { code, kind, setting: None, closes: None })?;
    }
    Ok(notebook.sites()?.len() as u64)
}

impl Show for Founded {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "A store was made, and a team with this device as its coordinator.")?;
        writeln!(out, "{} so far; haversack site add adds more.", count(self.sites, "site"))?;
        writeln!(
            out,
            "Keep the passphrase: nobody can open the store without it. haversack recovery create makes a spare key on paper."
        )
    }
}
