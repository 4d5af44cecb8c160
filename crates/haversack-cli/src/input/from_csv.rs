//! Contacts from a CSV table: a line of column names, then a line for each contact.

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::draft::Column;
use super::{Cell, Row};
use crate::error::Error;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Without these a row is no contact.
const REQUIRED: [(&str, Column); 2] = [("date", Column::Date), ("site", Column::Site)];

/// Reads the rows of a table.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(bytes);
    let headers = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let columns = columns(&headers)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        rows.extend(row(&columns, &record.map_err(|error| unreadable(&error))?));
    }
    Ok(rows)
}

/// The columns, each with the name under which its cells are reported.
fn columns(headers: &StringRecord) -> Result<Vec<(String, Column)>, Error> {
    let mut columns: Vec<(String, Column)> = Vec::new();
    for (index, name) in headers.iter().enumerate() {
        let place = || format!("line 1, column {} ({})", index + 1, crate::output::plain(name));
        let column = Column::named(name).map_err(|error| error.at(place()))?;
        if columns.iter().any(|(_, other)| *other == column) {
            return Err(Error::rule("this column is there twice").at(place()));
        }
        columns.push((name.to_owned(), column));
    }
    for (name, column) in REQUIRED {
        if !columns.iter().any(|(_, other)| *other == column) {
            return Err(Error::rule(format!("the column {name} is missing")).at("line 1"));
        }
    }
    Ok(columns)
}

/// A row's cells; `None` where all of them are empty, as spreadsheets leave them at the end.
fn row(columns: &[(String, Column)], record: &StringRecord) -> Option<Row> {
    let line = record.position().map_or(0, csv::Position::line);
    let cells: Vec<Cell> = columns
        .iter()
        .zip(record)
        .filter(|(_, text)| !text.is_empty())
        .map(|((name, column), text)| Cell {
            place: format!("line {line}, column {name}"),
            column: column.clone(),
            text: text.to_owned(),
        })
        .collect();
    let filled = !cells.is_empty();
    filled.then(|| Row { place: format!("line {line}"), cells })
}

/// Says where a table breaks off, without what stands there.
fn unreadable(error: &csv::Error) -> Error {
    let at = |position: &Option<csv::Position>| {
        let line = position.as_ref().map_or(0, csv::Position::line);
        format!("line {line}")
    };
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let rule = format!("{len} columns, but the first line names {expected_len}");
            Error::rule(rule).at(at(pos))
        }
        ErrorKind::Utf8 { pos, err } => {
            Error::rule(format!("column {} is not text in UTF-8", err.field() + 1)).at(at(pos))
        }
        _ => Error::rule("the table cannot be read"),
    }
}
