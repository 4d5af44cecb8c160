//! `haversack contact correct`.

use std::io::{self, Write};

use haversack::ContactRow;
use haversack::model::Line;
use serde::Serialize;

use super::{find, short};
use crate::error::Error;
use crate::global::{Global, close};
use crate::input::{CountedLine, line_name};
use crate::output::{Show, Table};

/// Corrects what changed hands at a contact
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Corrects what changed hands at a contact, whoever logged it. A line that was forgotten is put in so, and one that \
    was a slip is set to 0.\n\n\
    What stood there before stays in the sealed log. When two people correct one line without knowing of each other, the \
    lower count is taken, and the contact is shown as disputed until somebody corrects it again.\n\n\
    Date, site and client cannot be corrected, and a contact cannot be taken back.\n\n\
    Example:\n  haversack contacts --last 5\n  haversack contact correct 3f2a9c01.2 out.swab=20 in.used_mixed=8"
)]
pub(crate) struct Args {
    /// Which contact: its id as haversack contacts shows it
    #[arg(value_name = "CONTACT")]
    contact: String,
    /// What it is now: out.ITEM=N, others.ITEM=N or in.ITEM=N; may be given several times
    #[arg(value_name = "LINE=N", required = true)]
    lines: Vec<CountedLine>,
}

/// It was corrected.
#[derive(Debug, Serialize)]
pub(crate) struct Corrected {
    contact: String,
    lines: Vec<LineCorrected>,
}

#[derive(Debug, Serialize)]
struct LineCorrected {
    line: String,
    /// `None` when there was no such line.
    before: Option<u32>,
    now: u32,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Corrected, Error> {
    let notebook = global.open()?;
    let row = find(&notebook, &args.contact)?;
    let mut lines = Vec::new();
    for CountedLine { line, quantity } in &args.lines {
        notebook.correct(&row.id, line, *quantity)?;
        let before = count(&row, line);
        lines.push(LineCorrected { line: line_name(line), before, now: quantity.get() });
    }
    close(&notebook);
    Ok(Corrected { contact: row.id.to_string(), lines })
}

fn count(row: &ContactRow, line: &Line) -> Option<u32> {
    row.lines.iter().find(|(known, _)| known == line).map(|(_, quantity)| quantity.get())
}

impl Show for Corrected {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "corrected {}", short(&self.contact))?;
        let mut table = Table::under(["line", "before", "now"]);
        for line in &self.lines {
            let before = line.before.map(|count| count.to_string()).unwrap_or_default();
            table.row([line.line.clone(), before, line.now.to_string()]);
        }
        table.write(out)?;
        writeln!(out, "on this device only, until haversack sync or haversack bundle export")
    }
}
