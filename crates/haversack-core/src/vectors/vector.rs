//! One vector: its name and its lines.

use std::fmt::Display;

use data_encoding::HEXLOWER;

pub(super) struct Vector {
    pub(super) name: String,
    fields: Vec<(String, String)>,
}

impl Vector {
    pub(super) fn new(name: &str, what: &str, expect: &str) -> Self {
        Self { name: name.to_owned(), fields: Vec::new() }.line("what", what).line("expect", expect)
    }

    pub(super) fn hex(self, key: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.line(key, HEXLOWER.encode(bytes.as_ref()))
    }

    pub(super) fn hexes<T: AsRef<[u8]>>(self, key: &str, all: impl IntoIterator<Item = T>) -> Self {
        all.into_iter().fold(self, |vector, bytes| vector.hex(key, bytes))
    }

    pub(super) fn line(mut self, key: &str, value: impl Display) -> Self {
        self.fields.push((key.to_owned(), value.to_string()));
        self
    }

    pub(super) fn text(&self) -> String {
        self.fields.iter().map(|(key, value)| format!("{key}: {value}\n")).collect()
    }

    pub(super) fn expect(&self) -> &str {
        self.get("expect").unwrap()
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(its, _)| its == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn lines<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(its, _)| its == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn bytes(&self, key: &str) -> Vec<u8> {
        HEXLOWER.decode(self.get(key).unwrap_or_else(|| panic!("{key}")).as_bytes()).unwrap()
    }

    pub(super) fn array<const N: usize>(&self, key: &str) -> [u8; N] {
        self.bytes(key).try_into().unwrap()
    }

    pub(super) fn all(&self, key: &str) -> Vec<Vec<u8>> {
        self.lines(key).map(|value| HEXLOWER.decode(value.as_bytes()).unwrap()).collect()
    }
}
