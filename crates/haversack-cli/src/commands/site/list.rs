//! `haversack site list`.

use std::io::{self, Write};

use serde::Serialize;

use super::SiteShown;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table};

/// Lists the sites
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the sites, in order of code.\n\nExample:\n  haversack site list --json"
)]
pub(crate) struct Args {}

/// The sites.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Sites(Vec<SiteShown>);

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Sites, Error> {
    let sites = global.open()?.sites()?;
    Ok(Sites(sites.iter().map(SiteShown::from).collect()))
}

impl Show for Sites {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return writeln!(out, "no sites yet: haversack site add CODE --kind KIND");
        }
        let mut table = Table::under(["site", "kind", "setting", "closes"]);
        for site in &self.0 {
            let optional = |text: &Option<String>| text.clone().unwrap_or_default();
            table.row([
                site.site.clone(),
                site.kind.clone(),
                optional(&site.setting),
                optional(&site.closes),
            ]);
        }
        table.write(out)
    }
}
