//! `haversack space create`.

use std::io::{self, Write};

use haversack::model::{SiteCode, SiteKind, SpaceName};
use serde::Serialize;

use crate::commands::init::put_sites;
use crate::error::Error;
use crate::global::{Global, close};
use crate::input;
use crate::output::{Show, count};

/// Founds a further team in this store, with this device as its first coordinator
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Founds a further team in this store, with this device as its first coordinator.\n\n\
    What one team records, the others of this store do not see: each has members, keys and records of its own. All of them \
    open with the one passphrase, and a wipe ends them all. To work in one, name it: --space NAME. To join a further \
    team instead of founding one: haversack join --request --space NAME.\n\n\
    The name is kept sealed in this store and shared with nobody. How many teams there are can be seen from the folder; which \
    cannot.\n\n\
    Example:\n  haversack space create clinic --site MMT-1=oamt_clinic\n  haversack --space clinic invite --role clinic"
)]
pub(crate) struct Args {
    /// What to call it here: 1 to 16 of A-Z a-z 0-9 and -
    #[arg(value_name = "NAME", value_parser = input::space_name)]
    name: SpaceName,
    /// A site and what kind of place it is, as in KM-V=mobile_van; may be given several times
    #[arg(long = "site", value_name = "CODE=KIND", value_parser = input::site_kind)]
    sites: Vec<(SiteCode, SiteKind)>,
}

/// A team was founded.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    created: bool,
    name: String,
    sites: u64,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Created, Error> {
    global.whole()?;
    let first = global.open()?;
    let space = first.add_space(&args.name)?;
    space.found_space()?;
    let sites = put_sites(&space, &args.sites)?;
    close(&first);
    Ok(Created { created: true, name: args.name.to_string(), sites })
}

impl Show for Created {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let name = &self.name;
        writeln!(
            out,
            "A further team was made, called {name} here, with {}.",
            count(self.sites, "site")
        )?;
        writeln!(out, "Name it to work in it: haversack --space {name} log")
    }
}
