//! What people and files say, turned into the model: codes, counts, clients, tables of contacts.

mod code;
mod draft;
mod from_csv;
mod from_json;
mod known;

use std::path::Path;

pub(crate) use code::{Counted, codes, label, one_of, site_code, site_kind, space_name, whole};
pub(crate) use draft::{Builder, CountedLine, Dated, line_name};
pub(crate) use known::Known;

use crate::error::Error;
use crate::files;
use draft::Column;

/// The largest file of contacts.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// So many of the errors of a file are shown.
const ERRORS_SHOWN_MAX: usize = 10;

/// A cell with something in it: where, which column, what.
struct Cell {
    place: String,
    column: Column,
    text: String,
}

/// One contact of a file: where it stands, and its cells.
struct Row {
    place: String,
    cells: Vec<Cell>,
}

/// Reads a file of contacts; `-` is a CSV table on stdin. Either every row is usable, or it is an error.
pub(crate) fn contacts(file: &Path, known: &Known) -> Result<Vec<Dated>, Error> {
    let ending = file.extension().map(|ending| ending.to_ascii_lowercase());
    let rows = match ending.as_ref().and_then(|ending| ending.to_str()) {
        _ if file == Path::new("-") => from_csv::rows(&files::read_stdin(FILE_BYTES_MAX)?)?,
        Some("csv") => from_csv::rows(&files::read(file, FILE_BYTES_MAX)?)?,
        Some("json") => from_json::rows(&files::read(file, FILE_BYTES_MAX)?)?,
        _ => return Err(Error::UnknownFormat),
    };
    let (mut contacts, mut errors) = (Vec::new(), Vec::new());
    for row in &rows {
        match draft(row, known) {
            Ok(contact) => contacts.push(contact),
            Err(error) => errors.push(error),
        }
    }
    match (errors.len(), contacts.is_empty()) {
        (0, true) => Err(Error::NoRows),
        (0, false) => Ok(contacts),
        (total, _) => {
            errors.truncate(ERRORS_SHOWN_MAX);
            Err(Error::Cells { first: errors, total })
        }
    }
}

fn draft(row: &Row, known: &Known) -> Result<Dated, Error> {
    let mut builder = Builder::default();
    for cell in &row.cells {
        let taken = builder.take(&cell.column, &cell.text, known);
        taken.map_err(|error| error.at(&cell.place))?;
    }
    builder.finish().map_err(|error| error.at(&row.place))
}
