//! Changes of several authors in one item, as packs carry them (PROTOCOL § 3.6).

use std::collections::BTreeMap;

use haversack_wire::codec::{bounded, put_varint};
use haversack_wire::limits::DOCUMENTS_MAX;

use super::decode::Decoder;
use super::encode::Encoder;
use super::*;
use crate::Error;

/// One author's changes in one document, or a stretch of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) document: Document,
    /// Which of the authors.
    pub(crate) author: usize,
    pub(crate) changes: Vec<RawChange>,
}

/// Writes the changes of several authors.
///
/// # Errors
/// As [`encode`].
pub(crate) fn encode_parts(authors: &[Author], parts: &[Part]) -> Result<Vec<u8>, Error> {
    let Some(first) = authors.first() else {
        return Err(Error::Document { what: "encoded: it has no author" });
    };
    let mut encoder = Encoder::new(first.id());
    bounded("parts", parts.len() as u64, DOCUMENTS_MAX)?;
    put_varint(encoder.column(Column::Documents), parts.len() as u64);
    for part in parts {
        let missing = Error::Document { what: "encoded: an author is missing" };
        encoder.author = authors.get(part.author).ok_or(missing)?.id();
        encoder.column(Column::Documents).extend_from_slice(part.document.as_bytes());
        put_varint(encoder.column(Column::Documents), part.author as u64);
        encoder.changes(&part.changes)?;
    }
    Ok(encoder.finish())
}

/// Reads the changes of several authors.
///
/// # Errors
/// Whatever rule of § 5 or § 3.6 is broken, or limit of § 12.
pub(crate) fn decode_parts(
    authors: &[Author],
    item: &[u8],
) -> Result<Vec<Part>, haversack_wire::Error> {
    const UNKNOWN: haversack_wire::Error =
        haversack_wire::Error::Malformed { what: "parts", rule: "an author is not in the list" };
    let mut decoder = Decoder::new(authors.first().ok_or(UNKNOWN)?.id(), false, item)?;
    let count = decoder.column(Column::Documents).count(DOCUMENTS_MAX)?;
    let mut parts = Vec::new();
    let mut last: BTreeMap<(Document, usize), u64> = BTreeMap::new();
    for _ in 0..count {
        let document = Document::new(decoder.column(Column::Documents).array()?);
        let author = decoder.column(Column::Documents).count(authors.len())?;
        decoder.author = authors.get(author).ok_or(UNKNOWN)?.id();
        let changes = decoder.document()?;
        let first = changes.first().map_or(0, |change| change.sequence);
        let end = changes.last().map_or(0, |change| change.sequence);
        if last.insert((document, author), end).is_some_and(|before| before >= first) {
            let rule = "a part comes before one that it follows";
            return Err(haversack_wire::Error::Malformed { what: "parts", rule });
        }
        parts.push(Part { document, author, changes });
    }
    decoder.finish()?;
    Ok(parts)
}
