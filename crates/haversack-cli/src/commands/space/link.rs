//! `haversack space link`.

use std::io::{self, Write};

use haversack::model::SpaceName;
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::input;
use crate::output::Show;

/// Opens a drop-box: this team writes for another one of this store, and does not read it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Opens a drop-box: this team writes for another one of this store, and does not read it.\n\n\
    Takes a coordinator of both teams. From the next sync on, members of this team write for the other one with haversack log \
    --drop NAME: what they write is sealed to the other team before it is saved. A device that is in both teams carries \
    it across, with every haversack sync or with haversack space carry; who reads it sees which device wrote it.\n\n\
    The whole team sees the drop-box's name.\n\n\
    Example:\n  haversack space create clinic\n  haversack space link clinic"
)]
pub(crate) struct Args {
    /// The other team's name here; the drop-box is called so too
    #[arg(value_name = "NAME", value_parser = input::space_name)]
    name: SpaceName,
}

/// It is open.
#[derive(Debug, Serialize)]
pub(crate) struct Linked {
    linked: bool,
    drop_box: String,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Linked, Error> {
    let first = global.open_first()?;
    let from = global.open_within(&first)?;
    from.open_drop_box(&args.name, &first.open_space(&args.name)?)?;
    close(&first);
    Ok(Linked { linked: true, drop_box: args.name.to_string() })
}

impl Show for Linked {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let name = &self.drop_box;
        writeln!(out, "The drop-box {name} is open. Members learn of it with the next sync.")?;
        writeln!(out, "They write into it with haversack log --drop {name}")
    }
}
