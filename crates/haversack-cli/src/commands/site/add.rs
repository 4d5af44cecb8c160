//! `haversack site add`.

use std::io::{self, Write};

use haversack::model::{Closing, Setting, Site, SiteCode, SiteKind};
use serde::Serialize;

use super::SiteShown;
use crate::error::Error;
use crate::global::{Global, close};
use crate::input;
use crate::output::{Show, plain};

/// Adds a site, or changes it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Adds a site, or changes it: the whole team sees it after the next sync.\n\n\
    A site is a code and a kind, never an address: who finds a store learns no place from it.\n\n\
    Example:\n  haversack site add KM-N --kind fixed_nsp --closes 17:00"
)]
pub(crate) struct Args {
    /// Its code, as in KM-N: 1 to 16 of A-Z a-z 0-9 and -
    #[arg(value_name = "CODE", value_parser = input::site_code)]
    code: SiteCode,
    /// What kind of place it is
    #[arg(long, value_parser = input::one_of::<SiteKind>())]
    kind: SiteKind,
    /// When it closes
    #[arg(long, value_name = "HH:MM")]
    closes: Option<Closing>,
    /// In the community, a facility, or a closed place
    #[arg(long, value_parser = input::one_of::<Setting>())]
    setting: Option<Setting>,
}

/// A site was added or changed.
#[derive(Debug, Serialize)]
pub(crate) struct Added {
    #[serde(flatten)]
    site: SiteShown,
    new: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Added, Error> {
    let notebook = global.open()?;
    let new = notebook.sites()?.iter().all(|site| site.code != args.code);
    let site = Site {
        code: args.code.clone(),
        kind: args.kind.clone(),
        setting: args.setting.clone(),
        closes: args.closes,
    };
    notebook.put_site(&site)?;
    close(&notebook);
    Ok(Added { site: SiteShown::from(&site), new })
}

impl Show for Added {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let done = if self.new { "added" } else { "changed" };
        writeln!(out, "{done} {}, {}", plain(&self.site.site), plain(&self.site.kind))
    }
}
