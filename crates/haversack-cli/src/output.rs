//! The one renderer: what commands find, and why they stop, as text or as JSON.

use std::io::{self, BufWriter, Write};

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::error::{Code, Error};
use crate::hints;

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What a command found: serialised for programs, written here for people.
pub(crate) trait Show: Serialize {
    /// Writes it for people.
    fn text(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// Prints what a command found.
pub(crate) fn print(found: &impl Show, format: Format) -> Result<(), Error> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match format {
        Format::Text => found.text(&mut out),
        Format::Json => serde_json::to_writer_pretty(&mut out, found)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
    };
    written.and_then(|()| out.flush()).map_err(|source| Error::Output { source })
}

/// Prints why a command stopped, and what to do about it. Silent when nobody reads the output any more.
pub(crate) fn print_error(error: &Error, format: Format) {
    if error.code() == Code::BrokenPipe {
        return;
    }
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    print_failure(error.code(), &error.to_string(), &causes, &hints::of(error), format);
}

/// Prints a failure on stderr. That nobody can read it there is no failure of its own.
pub(crate) fn print_failure(
    code: Code,
    message: &str,
    causes: &[String],
    hints: &[String],
    format: Format,
) {
    let mut text = String::new();
    match format {
        Format::Text => {
            text += &format!("error: {message}\n");
            causes.iter().for_each(|cause| text += &format!("caused by: {cause}\n"));
            hints.iter().for_each(|hint| text += &format!("hint: {hint}\n"));
        }
        Format::Json => {
            let chain = std::iter::once(message).chain(causes.iter().map(String::as_str));
            let message = json!(chain.collect::<Vec<_>>().join(": "));
            text += &format!(
                "{{\"error\": {{\"code\": \"{}\", \"message\": {message}, \"hints\": {}}}}}\n",
                code.text(),
                json!(hints)
            );
        }
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// What an indicator says where there is nothing to divide by.
const NO_DATA: &str = "no data";

/// Writes null where there is nothing to divide by. What was rounded stays a decimal text: a number would be rounded again.
pub(crate) fn null_without_data<T: Serialize, S: Serializer>(
    found: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(found).map_err(S::Error::custom)?;
    for field in value.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        if *field == NO_DATA {
            *field = Value::Null;
        }
    }
    value.serialize(serializer)
}

/// Columns of text, as wide as they need to be.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table under a line of headings.
    pub(crate) fn under<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = Self::default();
        table.row(headings.map(str::to_owned));
        table
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(|cell| plain(&cell)).collect());
    }

    /// Adds a line of a name and a value.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "texts and numbers alike, without an & at each"
    )]
    pub(crate) fn pair(&mut self, name: &str, value: impl ToString) {
        self.row([name.to_owned(), value.to_string()]);
    }

    /// Writes it.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell_width =
            |row: &Vec<String>, n: usize| row.get(n).map_or(0, |cell| cell.chars().count());
        let widths: Vec<usize> = (0..columns)
            .map(|n| self.rows.iter().map(|row| cell_width(row, n)).max().unwrap_or(0))
            .collect();
        for row in &self.rows {
            let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(out, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// Text without what a terminal would obey: a member's newer app, or a malicious one, may have written it.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A number of things: `1 contact`, `2 contacts`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// An id of 16 bytes, as it is shown.
pub(crate) fn hex(id: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up_and_obeys_nothing() {
        let mut table = Table::under(["label", "sex"]);
        table.row(["LOTUS-27".to_owned(), "F".to_owned()]);
        table.row(["\u{1b}[2J\u{9b}1m\n".to_owned(), String::new()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        label     sex
        LOTUS-27  F
        �[2J�1m�
        ");
    }
}
