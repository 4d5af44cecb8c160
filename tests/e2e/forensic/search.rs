//! Many needles in one pass over what was found.

use std::collections::{BTreeMap, HashMap};

use data_encoding::{BASE64, HEXLOWER};

use crate::canaries::encodings;

/// Most of a process's memory is this.
const ZEROS: [u8; 4_096] = [0; 4_096];

/// Which needles begin with which three bytes; most places are passed over by a look at a table of bits.
#[derive(Default)]
pub(crate) struct Search {
    needles: Vec<(String, Vec<u8>)>,
    starts: HashMap<[u8; 3], Vec<usize>>,
}

impl Search {
    /// A text, in every encoding in which it could show.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        encodings(text).into_iter().for_each(|form| self.add(name, form));
    }

    /// Bytes: each half of them raw, and all of them in hex and in base64.
    pub(crate) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        let half = bytes.len() / 2;
        // A form of some keys differs in the bits of the first and the last byte.
        self.add(name, bytes[1..=half].to_vec());
        self.add(name, bytes[half - 1..bytes.len() - 1].to_vec());
        let hex = HEXLOWER.encode(bytes);
        self.add(name, hex.clone().into_bytes());
        self.add(name, hex.to_uppercase().into_bytes());
        self.add(name, BASE64.encode(bytes).into_bytes());
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, name: &str, bytes: &[u8]) {
        self.add(name, bytes.to_vec());
    }

    fn add(&mut self, name: &str, form: Vec<u8>) {
        let start = [form[0], form[1], form[2]];
        self.starts.entry(start).or_default().push(self.needles.len());
        self.needles.push((name.to_owned(), form));
    }

    /// How often each name was found.
    pub(crate) fn run(&self, bytes: &[u8]) -> BTreeMap<&str, usize> {
        let mut pairs = vec![false; 1 << 16];
        self.starts
            .keys()
            .for_each(|[a, b, _]| pairs[usize::from(u16::from_le_bytes([*a, *b]))] = true);
        let mut found = BTreeMap::new();
        let chunks = bytes.chunks(ZEROS.len()).enumerate();
        let places = chunks
            .filter(|(_, chunk)| **chunk != ZEROS[..chunk.len()])
            .flat_map(|(n, chunk)| n * ZEROS.len()..n * ZEROS.len() + chunk.len());
        for at in places.take_while(|at| at + 3 <= bytes.len()) {
            let start = [bytes[at], bytes[at + 1], bytes[at + 2]];
            if !pairs[usize::from(u16::from_le_bytes([start[0], start[1]]))] {
                continue;
            }
            for n in self.starts.get(&start).into_iter().flatten() {
                let (name, form) = &self.needles[*n];
                if bytes[at..].starts_with(form) {
                    *found.entry(name.as_str()).or_default() += 1;
                }
            }
        }
        found
    }
}

#[test]
fn the_search_finds_what_is_there_and_nothing_else() {
    let mut search = Search::default();
    search.text("text", "canary");
    search.bytes("key", &[7; 32]);
    search.bytes("other", &[8; 32]);
    let hay = [&[0; 9][..], b"c\0a\0n\0a\0r\0y\0", &[1; 5], &[7; 31], b"canar"].concat();
    let found: Vec<_> = search.run(&hay).into_keys().collect();
    assert_eq!(found, ["key", "text"]);
}
