//! `haversack contact`: one contact.

pub(crate) mod correct;

use haversack::{ContactFilter, ContactRow, EngineError, Notebook};

use crate::error::Error;

/// Digits of an id that are shown.
const SHORT: usize = 8;
/// Digits that name a contact, at least.
const DIGITS_MIN: usize = 4;

/// Puts a slip in a contact right
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Correct(correct::Args),
}

/// As much of a contact's id as people type: the beginning of its outing's, and its number there.
pub(crate) fn short(id: &str) -> String {
    let (outing, number) = id.split_once('.').unwrap_or((id, ""));
    format!("{}.{number}", outing.get(..SHORT).unwrap_or(outing))
}

/// The contact that somebody means: by its id, whose first half may be shortened.
fn find(notebook: &Notebook, text: &str) -> Result<ContactRow, Error> {
    let unknown = || EngineError::Unknown { what: "contact" };
    let (digits, number) = text.split_once('.').ok_or_else(unknown)?;
    let digits = digits.to_ascii_lowercase();
    let fits = |outing: &str, n: &str| outing.starts_with(&digits) && n == number;
    let is_it = |row: &ContactRow| {
        digits.len() >= DIGITS_MIN
            && row.id.to_string().split_once('.').is_some_and(|(o, n)| fits(o, n))
    };
    let all = notebook.contacts(&ContactFilter::default())?;
    let found: Vec<ContactRow> = all.into_iter().filter(is_it).collect();
    match found.as_slice() {
        [] => Err(unknown().into()),
        [row] => Ok(row.clone()),
        several => Err(Error::SeveralContacts {
            ids: several.iter().map(|row| row.id.to_string()).collect(),
        }),
    }
}
