//! A register of people who do not exist, and the codes that other systems would give them.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// As many as Yuxi had registered.
pub(crate) const PEOPLE: usize = 5_027;

const SURNAMES: [&str; 32] = [
    "LI", "WANG", "ZHANG", "LIU", "CHEN", "YANG", "ZHAO", "HUANG", "ZHOU", "WU", "XU", "SUN", "HU",
    "ZHU", "GAO", "LIN", "HE", "GUO", "MA", "LUO", "LIANG", "SONG", "ZHENG", "XIE", "HAN", "TANG",
    "FENG", "YU", "DONG", "XIAO", "CHENG", "DUAN",
];
const SYLLABLES: [&str; 40] = [
    "WEI", "FANG", "NA", "MIN", "JING", "QIANG", "LEI", "JUN", "YANG", "YONG", "YAN", "JIE", "TAO",
    "MING", "CHAO", "XIU", "XIA", "PING", "GANG", "GUI", "HONG", "HUA", "JIAN", "BO", "BIN", "KAI",
    "LONG", "MEI", "NING", "PENG", "QING", "RONG", "SHU", "TING", "WEN", "XIN", "YI", "YUN", "ZHI",
    "ZONG",
];

/// One line of the register.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) surname: &'static str,
    pub(crate) given: String,
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) woman: bool,
}

/// A register. Another seed gives other people.
pub(crate) fn register(seed: u64) -> Vec<Row> {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let mut below = move |n: u32| random.next_u32() % n;
    let mut row = move || {
        let mut pick = |from: &[&'static str]| from[below(from.len() as u32) as usize];
        let (surname, first, second) = (pick(&SURNAMES), pick(&SYLLABLES), pick(&SYLLABLES));
        let given = if below(3) == 0 { first.to_owned() } else { format!("{first}{second}") };
        let (year, month) = (1_950 + below(40) as u16, 1 + below(12) as u8);
        let (day, woman) = (1 + below(28) as u8, below(7) == 0);
        Row { surname, given, year, month, day, woman }
    };
    (0..PEOPLE).map(|_| row()).collect()
}

/// Uganda's KPIC, in its manner: nine hex digits of an unsalted SHA-256 over names, birth year and birth month, each
/// taken modulo the 34 symbols of its alphabet, of which it reaches 16.
pub(crate) fn kpic(row: &Row) -> String {
    const SYMBOLS: &[u8; 34] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let Row { surname, given, year, month, .. } = row;
    let hash = Sha256::digest(format!("{surname}{given}{year}{month:02}"));
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.take(9).map(|digit| char::from(SYMBOLS[usize::from(digit) % 34])).collect()
}

/// Kenya's code, in its manner: county, ward, hotspot and the type of person, two letters of each name, the birth month,
/// and how many were counted before, plus one.
pub(crate) fn kenya(row: &Row, counted: usize) -> String {
    format!("47170503{}{}", initials(row), counted + 1)
}

/// Two letters of each name and the birth month.
pub(crate) fn initials(row: &Row) -> String {
    let two = |name: &str| name.chars().chain(['X']).take(2).collect::<String>();
    format!("{}{}{:02}", two(row.surname), two(&row.given), row.month)
}
