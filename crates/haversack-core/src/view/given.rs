//! What was given in a contact, its lines and services, as one column of the view: a list is read whole or not at all.
//!
//! Codes are words of the schema's list (PROTOCOL § 5) where they are known, and text where they are a newer app's.

use haversack_wire::codec::{put_blob, put_varint};
use haversack_wire::{Error, Reader};

use crate::docs::schema::{line_key, line_of};
use crate::docs::words;
use crate::model::{Contact, Line, Quantity, Service};

const WHAT: &str = "view";
const CODE_MAX: usize = 1 << 10;
/// Stands before a code that is not in the list; a word's number is raised by one.
const SPELLED: u64 = 0;

/// The lines and services of a contact, in the order of their codes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) lines: Vec<(Line, Quantity)>,
    pub(super) services: Vec<Service>,
}

impl Given {
    pub(super) fn encode(contact: &Contact) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        put_varint(&mut out, contact.lines.len() as u64);
        for (line, quantity) in &contact.lines {
            put_code(&mut out, &line_key(line));
            put_varint(&mut out, quantity.get().into());
        }
        contact.services.iter().for_each(|service| put_code(&mut out, &format!("v.{service}")));
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        let mut given = Self::default();
        for _ in 0..r.count(bytes.len())? {
            let line = code(&mut r)?.and_then(line_of);
            let quantity = i64::try_from(r.varint()?).ok().and_then(|n| Quantity::new(n).ok());
            given.lines.extend(line.zip(quantity));
        }
        while !r.rest().is_empty() {
            let service = code(&mut r)?.and_then(|code| code.strip_prefix("v."));
            given.services.extend(service.map(Service::from_document));
        }
        Ok(given)
    }
}

fn put_code(out: &mut Vec<u8>, code: &str) {
    match words::number(code) {
        Some(number) => put_varint(out, number + 1),
        None => {
            put_varint(out, SPELLED);
            put_blob(out, code.as_bytes());
        }
    }
}

fn code<'a>(r: &mut Reader<'a>) -> Result<Option<&'a str>, Error> {
    match r.varint()? {
        SPELLED => Ok(std::str::from_utf8(r.blob(CODE_MAX)?).ok()),
        word => Ok(words::word(word - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Direction, Item, SiteCode, Who};

    #[test]
    fn what_was_given_comes_back_whatever_words_are_known() {
        let line = |direction, item: &str| Line { direction, item: Item::from_document(item) };
        let lines = [
            (line(Direction::Out, "needle"), 300),
            (line(Direction::OutForOthers, "condom_x"), 1),
            (line(Direction::In, "a.newer.code"), 0),
        ];
        let services = ["nsp", "of a newer app"].map(Service::from_document);
        let contact = Contact {
            who: Who::Anonymous { sex: None, age: None },
            site: SiteCode::from_document("KM-N"),
            mode: crate::model::Mode::VAN,
            lines: lines.into_iter().map(|(l, n)| (l, Quantity::new(n).unwrap())).collect(),
            services: services.into_iter().collect(),
            duration: None,
        };
        let bytes = Given::encode(&contact);
        let given = Given::decode(&bytes).unwrap();
        assert_eq!(given.lines, contact.lines.into_iter().collect::<Vec<_>>());
        assert_eq!(given.services, contact.services.into_iter().collect::<Vec<_>>());
        assert!((1..bytes.len()).any(|cut| Given::decode(&bytes[..cut]).is_err()));
    }
}
