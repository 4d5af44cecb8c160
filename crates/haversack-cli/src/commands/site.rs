//! `haversack site`: the places where the team works.

pub(crate) mod add;
pub(crate) mod list;

use haversack::model::Site;
use serde::Serialize;

/// Adds and lists the places where the team works
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Add(add::Args),
    List(list::Args),
}

/// A site, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct SiteShown {
    site: String,
    kind: String,
    setting: Option<String>,
    closes: Option<String>,
}

impl From<&Site> for SiteShown {
    fn from(site: &Site) -> Self {
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        Self {
            site: site.code.to_string(),
            kind: site.kind.to_string(),
            setting: site.setting.as_ref().map(ToString::to_string),
            closes: site.closes.map(|closes| clock(closes.minutes())),
        }
    }
}
