//! The script of somebody who holds the register: everything a row can be turned into, against everything there is.

use std::collections::{BTreeSet, HashMap};

use md5::Md5;
use sha2::{Digest, Sha256};

use super::people::{Row, initials, kpic};

/// So many bytes of a hash are compared: of longer codes the first, which any truncation to eight or more keeps.
const LONG: usize = 8;
/// A code that was cut shorter than that is tried on ids and tags only, by this many bytes.
pub(crate) const SHORT: usize = 4;
/// The first bytes of a text, by which it is looked for.
const STEM: usize = 6;

type Rows = BTreeSet<usize>;

/// All that the register gives.
#[derive(Default)]
pub(crate) struct Attack {
    texts: HashMap<String, Rows>,
    serials: HashMap<String, Rows>,
    stems: HashMap<[u8; STEM], Vec<(Vec<u8>, usize)>>,
    long: HashMap<[u8; LONG], usize>,
    short: HashMap<[u8; SHORT], usize>,
}

impl Attack {
    /// Texts and hashes.
    pub(crate) fn new(register: &[Row]) -> Self {
        let mut attack = Self::of_texts(register);
        for (index, row) in register.iter().enumerate() {
            for text in codes(row) {
                attack.hash(text.as_bytes(), index);
                attack.hash(text.to_lowercase().as_bytes(), index);
            }
        }
        attack
    }

    /// Texts alone: enough for codes that people read.
    pub(crate) fn of_texts(register: &[Row]) -> Self {
        let mut attack = Self::default();
        for (index, row) in register.iter().enumerate() {
            attack.serials.entry(initials(row)).or_default().insert(index);
            for text in stems(row).into_iter().chain(codes(row)) {
                attack.texts.entry(plain(&text)).or_default().insert(index);
            }
            for text in stems(row).into_iter().chain([kpic(row)]) {
                if let Some(stem) = text.as_bytes().first_chunk() {
                    attack.stems.entry(*stem).or_default().push((text.into_bytes(), index));
                }
            }
        }
        attack
    }

    fn hash(&mut self, input: &[u8], row: usize) {
        let (sha, blake, md) = (Sha256::digest(input), blake3::hash(input), Md5::digest(input));
        let hashes: [&[u8]; 3] = [&sha, blake.as_bytes(), &md];
        for hash in hashes {
            self.long.insert(*hash.first_chunk().unwrap(), row);
            self.short.insert(*hash.first_chunk().unwrap(), row);
        }
    }

    /// How many different things the register was turned into: texts, hashes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.texts.len() + self.serials.len(), self.long.len())
    }

    /// The rows that a code which people read could be made of.
    pub(crate) fn text(&self, code: &str) -> Rows {
        let code = plain(code);
        let mut rows = self.texts.get(&code).cloned().unwrap_or_default();
        // Kenya's shape: digits of a place, letters of names, a month, a serial number.
        let named = code.trim_start_matches(|c: char| c.is_ascii_digit());
        let letters = named.find(|c: char| c.is_ascii_digit()).unwrap_or(named.len());
        if let Some((key, serial)) = named.split_at_checked(letters + 2)
            && serial.bytes().all(|byte| byte.is_ascii_digit())
        {
            rows.extend(self.serials.get(key).into_iter().flatten());
        }
        rows
    }

    /// The row that an id or a tag could be made of, by its first eight bytes or, at the least, four.
    pub(crate) fn id(&self, id: &[u8]) -> (Option<usize>, Option<usize>) {
        let long = id.first_chunk().and_then(|key| self.long.get(key));
        (long.copied(), id.first_chunk().and_then(|key| self.short.get(key)).copied())
    }

    /// The rows that show in raw bytes, at any offset: names, dates and codes as text; hashes as bytes and as hex.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for (at, window) in bytes.windows(LONG).enumerate() {
            let key: &[u8; LONG] = window.first_chunk().unwrap();
            found.extend(self.long.get(key).map(|row| (at, *row)));
            let texts = self.stems.get(window.first_chunk::<STEM>().unwrap()).into_iter().flatten();
            let shows = texts.filter(|(text, _)| bytes[at..].starts_with(text));
            found.extend(shows.map(|(_, row)| (at, *row)));
            let hex = from_hex(&bytes[at..]).and_then(|key| self.long.get(&key));
            found.extend(hex.map(|row| (at, *row)));
        }
        found
    }

    /// How many of these would be found in so many offsets of uniformly random bytes, on the average.
    pub(crate) fn expected_in_bytes(&self, offsets: usize) -> f64 {
        let texts: BTreeSet<&[u8]> =
            self.stems.values().flatten().map(|(text, _)| text.as_slice()).collect();
        let of_texts: f64 = texts.iter().map(|text| 256_f64.powi(-(text.len() as i32))).sum();
        // A hash as hex has a chance of its own, in either case of letters: at most (22/256)^16 in all.
        let of_hex = (22_f64 / 256.0).powi(16).min(1.0) * self.long.len() as f64 / 2_f64.powi(64);
        offsets as f64 * (of_texts + of_hex + self.long.len() as f64 / 2_f64.powi(64))
    }

    /// How many of so many random ids would show one of the register's hashes in their first four bytes.
    pub(crate) fn expected_in_ids(&self, ids: usize) -> f64 {
        ids as f64 * self.short.len() as f64 / 2_f64.powi(32)
    }
}

/// Upper case, letters and digits.
fn plain(text: &str) -> String {
    let counts = text.chars().filter(char::is_ascii_alphanumeric);
    counts.map(|c| c.to_ascii_uppercase()).collect()
}

fn from_hex(bytes: &[u8]) -> Option<[u8; LONG]> {
    let digits =
        bytes.first_chunk::<16>().filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits?).ok()?;
    bytes.first_chunk().copied()
}

/// Names and dates as they are written, in either case.
fn stems(row: &Row) -> Vec<String> {
    let Row { surname, given, year, month, day, .. } = row;
    let mut texts = Vec::new();
    for name in [
        format!("{surname}{given}"),
        format!("{surname} {given}"),
        format!("{given}{surname}"),
        format!("{given} {surname}"),
    ] {
        texts.extend([name.to_lowercase(), name]);
    }
    texts.extend([
        format!("{year}{month:02}{day:02}"),
        format!("{year}-{month:02}-{day:02}"),
        format!("{day:02}{month:02}{year}"),
    ]);
    texts
}

/// What people make codes of: names, birth dates and sex in the usual orders, initials with dates, and the two weak codes.
fn codes(row: &Row) -> Vec<String> {
    let Row { surname, given, year, month, day, woman } = row;
    let dates = [
        String::new(),
        format!("{year}{month:02}{day:02}"),
        format!("{year}-{month:02}-{day:02}"),
        format!("{day:02}{month:02}{year}"),
        format!("{year}{month:02}"),
    ];
    let mut codes = vec![kpic(row), initials(row)];
    for between in ["", " ", "|"] {
        let names = [format!("{surname}{between}{given}"), format!("{given}{between}{surname}")];
        for name in names {
            let dated = dates.iter().map(|date| joined(between, &[&name, date]));
            let dated: Vec<String> = dated.collect();
            let sex = if *woman { "F" } else { "M" };
            codes.extend(dated.iter().map(|dated| joined(between, &[dated, sex])));
            codes.extend(dated);
        }
    }
    let (s, g) = (&surname[..1], &given[..1]);
    let short = year % 100;
    codes.extend([
        format!("{s}{g}{day:02}{month:02}{short:02}"),
        format!("{s}{g}{short:02}{month:02}{day:02}"),
        format!("{s}{g}{year}"),
        format!("{}{short:02}", &initials(row)[..4]),
        format!("{}{day:02}{short:02}", initials(row)),
    ]);
    codes
}

/// The parts that there are, with something between them.
fn joined(between: &str, parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(between)
}

/// The most matches that chance explains: more than so many happen once in a million times where `expected` are expected
/// (Poisson).
pub(crate) fn chance(expected: f64) -> usize {
    let (mut term, mut below, mut count) = ((-expected).exp(), 0.0, 0);
    while 1.0 - below - term > 1e-6 {
        below += term;
        count += 1;
        term *= expected / f64::from(count);
    }
    count as usize
}
