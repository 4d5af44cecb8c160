//! `haversack report`: the indicators of a period.

use std::io::{self, Write};

use haversack::model::Day;
use haversack::{Indicators, Period};
use serde::Serialize;

use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table, null_without_data};

/// Counts a period: reach, sets, returns, the indicators of WHO
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Counts a period, over the contacts that are on this device: reach, sets, returns, and WHO's indicators \
    PRV.8, PRV.9 and PRV.10.\n\n\
    People without a file stand beside those with one and are never added to them. Where there is nothing to divide by, \
    the report says \"no data\", and null with --json.\n\n\
    Example, for the first half of 2008:\n  haversack report --from 2008-01-01 --to 2008-07-01"
)]
pub(crate) struct Args {
    /// The first day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Day,
    /// The day after the last
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Day,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Reported, Error> {
    let period = Period::new(args.from, args.to).map_err(haversack::Error::from)?;
    let report = global.open()?.report(&period)?;
    Ok(Reported {
        from: report.from,
        to: report.to,
        indicators: report.indicators,
        contacts_unattributed: report.contacts_unattributed,
        people_counted: report.people_counted,
        contacts_disputed: report.contacts_disputed,
    })
}

/// The report as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Reported {
    from: String,
    to: String,
    #[serde(serialize_with = "null_without_data")]
    indicators: Indicators,
    contacts_unattributed: u64,
    people_counted: u64,
    contacts_disputed: u64,
}

/// A line for each indicator.
pub(crate) fn lines(table: &mut Table, indicators: &Indicators) {
    let i = indicators;
    table.pair("contacts", i.contacts);
    table.pair("  with clients who have a file", i.contacts_coded);
    table.pair("  with others", i.contacts_anonymous);
    table.pair("clients with a file, reached", i.reach_coded);
    table.pair("clients with a file, in all", i.clients_registered);
    table.pair("sets handed out", i.sets_distributed);
    table.pair("  to clients with a file", i.sets_to_coded);
    table.pair("used pieces taken back", i.returned);
    table.pair("  for 100 sets out", &i.return_pct);
    let percent = if i.prv8_den == 0 { "" } else { " %" };
    let prv8 = format!("{}{percent} ({} of {})", i.prv8_pct, i.prv8_num, i.prv8_den);
    table.pair("reached clients who got sets (PRV.8)", prv8);
    let each = format!("{} (blocks: {})", i.prv9a_each_30d_block, i.blocks);
    table.pair("clients with sets in each 30 days (PRV.9 a)", each);
    table.pair("clients with sets monthly on average (PRV.9 b)", i.prv9b_monthly_average);
    let rate = &i.prv10_coded_sets_per_coded_recipient_year;
    table.pair("sets for each such client and year (PRV.10)", rate);
    table.pair("clients whose named need is met", i.clients_need_met);
    table.pair("client days with two educators or more", i.same_day_two_educators);
}

impl Show for Reported {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} up to, but without, {}: {} days",
            self.from, self.to, self.indicators.days
        )?;
        let mut table = Table::default();
        lines(&mut table, &self.indicators);
        let apart = [
            ("contacts whose client is not here, in stock only", self.contacts_unattributed),
            ("people counted only", self.people_counted),
            ("contacts with disputed counts, the lower taken", self.contacts_disputed),
        ];
        for (name, number) in apart.into_iter().filter(|(_, number)| *number > 0) {
            table.pair(name, number);
        }
        table.write(out)
    }
}
