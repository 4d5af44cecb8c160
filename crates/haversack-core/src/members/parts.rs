//! Requests and answers as text: whole, or in numbered parts that fit a code each (PROTOCOL § 9).
//!
//! ```text
//! HSA1-AAAAA-BBBBB-…          whole
//! HSA1.2.3.AAAAA-BBBBB-…      the second of three parts: tag of the whole (4) ‖ piece ‖ check of the part (4)
//! ```

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use haversack_wire::hash::{Label, derive_cut};

use crate::Error;

/// How a request begins.
pub(super) const REQUEST_MARK: &str = "HSR1";
/// How an answer begins.
pub(super) const ANSWER_MARK: &str = "HSA1";

const TEXT_MAX: usize = 1 << 20;
/// Parts bring their marks and checks along.
const PARTS_TEXT_MAX: usize = 2 * TEXT_MAX;
/// The mark, `.255.255.`
const HEAD_CHARS_MAX: usize = 13;
/// Shorter parts would be more head than text.
const PART_CHARS_MIN: usize = 100;
const TAG: usize = 4;
const CHECK: usize = 4;

/// The text of a whole.
pub(super) fn to_text(mark: &str, bytes: &[u8]) -> String {
    let encoded = BASE32_NOPAD.encode(bytes);
    let groups = encoded.as_bytes().chunks(5).map(String::from_utf8_lossy);
    groups.fold(mark.to_owned(), |text, group| text + "-" + &group)
}

/// The bytes of a text: of a whole, or of all parts, in any order.
pub(super) fn from_text(mark: &str, what: &'static str, text: &str) -> Result<Vec<u8>, Error> {
    let refused = |why| Error::Enrolment { what, why };
    if text.len() > PARTS_TEXT_MAX {
        return Err(refused("is too long to be one"));
    }
    let plain = plain(text);
    let rest =
        plain.strip_prefix(mark).ok_or(refused("is not one: it should begin with its mark"))?;
    match rest.strip_prefix('.') {
        // No mark stands within base32, which has neither 1 nor a point.
        Some(parts) => join(mark, what, parts.split(&format!("{mark}."))),
        None if text.len() > TEXT_MAX => Err(refused("is too long to be one")),
        None => BASE32_NOPAD
            .decode(rest.as_bytes())
            .map_err(|_| refused("has a slip in it: copy it again")),
    }
}

/// What counts of a text.
fn plain(text: &str) -> String {
    let counts = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
    counts.map(|c| c.to_ascii_uppercase()).collect()
}

/// A request or an answer as texts of at most `chars_max` characters, for codes that people scan: one without its
/// inner hyphens where that fits, else numbered parts, which are taken in any order. Every character is one of a QR
/// code's alphanumeric mode.
///
/// # Errors
/// [`Error::Enrolment`] for a text that is neither, [`Error::Invalid`] below 100 characters, or where 255 parts do not do.
pub fn code_parts(text: &str, chars_max: usize) -> Result<Vec<String>, Error> {
    if chars_max < PART_CHARS_MIN {
        return Err(Error::invalid("length of a part", "must be at least 100 characters"));
    }
    let (mark, what) = match plain(text).get(..4) {
        Some(REQUEST_MARK) => (REQUEST_MARK, "request"),
        _ => (ANSWER_MARK, "answer"),
    };
    let bytes = from_text(mark, what, text)?;
    let whole = format!("{mark}-{}", BASE32_NOPAD.encode(&bytes));
    match whole.len() <= chars_max {
        true => Ok(vec![whole]),
        false => split(mark, &bytes, chars_max),
    }
}

fn split(mark: &str, bytes: &[u8], chars_max: usize) -> Result<Vec<String>, Error> {
    let piece_max = (chars_max - HEAD_CHARS_MAX) * 5 / 8 - TAG - CHECK;
    // Even pieces: no code is larger than it needs to be.
    let piece = bytes.len().div_ceil(bytes.len().div_ceil(piece_max));
    let pieces = bytes.chunks(piece);
    let of = u8::try_from(pieces.len())
        .map_err(|_| Error::invalid("length of a part", "is too short: 255 parts do not do"))?;
    let tag = tag(mark, bytes);
    Ok((1..=of)
        .zip(pieces)
        .map(|(number, piece)| {
            let check = check(mark, number, of, &tag, piece);
            let content = BASE32_NOPAD.encode(&[&tag[..], piece, &check].concat());
            format!("{mark}.{number}.{of}.{content}")
        })
        .collect())
}

fn tag(mark: &str, bytes: &[u8]) -> [u8; TAG] {
    derive_cut(Label::PARTS, &[mark.as_bytes(), bytes])
}

fn check(mark: &str, number: u8, of: u8, tag: &[u8], piece: &[u8]) -> [u8; CHECK] {
    derive_cut(Label::PART_CHECK, &[mark.as_bytes(), &[number, of], tag, piece])
}

/// A part whose check fits.
#[derive(PartialEq, Eq)]
struct Part {
    of: u8,
    tag: [u8; TAG],
    piece: Vec<u8>,
}

fn join<'a>(
    mark: &str,
    what: &'static str,
    texts: impl Iterator<Item = &'a str>,
) -> Result<Vec<u8>, Error> {
    let refused = |why| Error::Enrolment { what, why };
    let mixed = "has parts of different texts among its own";
    let mut parts: BTreeMap<u8, Part> = BTreeMap::new();
    for text in texts {
        let (number, part) = read(mark, what, text)?;
        let other = parts.values().any(|have| (have.of, have.tag) != (part.of, part.tag));
        if other || parts.get(&number).is_some_and(|have| *have != part) {
            return Err(refused(mixed));
        }
        parts.insert(number, part);
    }
    let Some((of, tag_of_all)) = parts.values().next().map(|part| (part.of, part.tag)) else {
        return Err(refused("has no parts"));
    };
    let missing: Vec<u8> = (1..=of).filter(|number| !parts.contains_key(number)).collect();
    if !missing.is_empty() {
        return Err(Error::PartsMissing { what, missing, of });
    }
    let whole = parts.into_values().flat_map(|part| part.piece).collect::<Vec<_>>();
    match tag(mark, &whole) == tag_of_all {
        true => Ok(whole),
        false => Err(refused(mixed)),
    }
}

/// Reads `2.3.AAAAA…`.
fn read(mark: &str, what: &'static str, text: &str) -> Result<(u8, Part), Error> {
    let unclear = Error::Enrolment { what, why: "has a part whose number is not clear" };
    let mut fields = text.splitn(3, '.');
    let numbers = (fields.next().and_then(number), fields.next().and_then(number));
    let (Some(number), Some(of), Some(content)) = (numbers.0, numbers.1, fields.next()) else {
        return Err(unclear);
    };
    if number > of || of < 2 {
        return Err(unclear);
    }
    let slip = Error::PartSlip { what, number };
    let Ok(bytes) = BASE32_NOPAD.decode(content.as_bytes()) else { return Err(slip) };
    let Some((tag, rest)) = bytes.split_first_chunk::<TAG>() else { return Err(slip) };
    let Some((piece, found)) = rest.split_last_chunk::<CHECK>() else { return Err(slip) };
    match *found == check(mark, number, of, tag, piece) {
        true => Ok((number, Part { of, tag: *tag, piece: piece.to_vec() })),
        false => Err(slip),
    }
}

/// A number from 1 to 255, written in the one way there is.
fn number(text: &str) -> Option<u8> {
    let read: u8 = text.parse().ok()?;
    (read > 0 && read.to_string() == text).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn join_back(text: &str) -> Result<Vec<u8>, Error> {
        from_text(ANSWER_MARK, "answer", text)
    }

    proptest! {
        #[test]
        fn parts_in_any_order_make_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..4_000),
            chars_max in 100_usize..2_000,
            order in any::<u64>(),
            lower in any::<bool>(),
        ) {
            let text = to_text(ANSWER_MARK, &bytes);
            let mut parts = code_parts(&text, chars_max).unwrap();
            let set = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
            prop_assert!(parts.iter().all(|part| part.len() <= chars_max));
            prop_assert!(parts.iter().all(|part| part.bytes().all(|byte| set.contains(&byte))));
            if parts.len() == 1 {
                prop_assert_eq!(join_back(&parts[0]).unwrap(), bytes);
                return Ok(());
            }
            let mut rank = order;
            parts.sort_by_cached_key(|_| {
                rank = rank.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                rank >> 32
            });
            parts.push(parts[0].clone());
            let pasted = parts.join(if lower { "\n \n" } else { "" });
            let pasted = if lower { pasted.to_lowercase() } else { pasted };
            prop_assert_eq!(join_back(&pasted).unwrap(), bytes);
        }

        #[test]
        fn a_slip_is_named_or_refused(at in any::<prop::sample::Index>(), to in "[A-Z2-7.]") {
            let parts = code_parts(&to_text(ANSWER_MARK, &[7; 300]), 200).unwrap();
            let text = parts.join("\n");
            let at = at.index(text.len());
            let mut slip = text.clone();
            slip.replace_range(at..=at, &to);
            let joined = join_back(&slip);
            prop_assert!(slip == text || joined.is_err() || plain(&slip) == plain(&text));
        }

        #[test]
        fn never_panics(text in "(HSA1)?[.HSA1-9 \\PC]{0,80}") {
            let _ = join_back(&text);
            let _ = code_parts(&text, 100);
        }
    }

    fn three() -> Vec<String> {
        code_parts(&to_text(ANSWER_MARK, &[7; 150]), 120).unwrap()
    }

    #[test]
    fn says_what_is_missing_what_slipped_and_what_is_foreign() {
        let parts = three();
        assert_eq!(parts.len(), 3);
        let fails = |text: String| join_back(&text).unwrap_err().to_string();
        insta::assert_snapshot!(fails(parts[2].clone()),
            @"this answer is not whole: of its 3 parts, these are missing: 1, 2");
        let mut slip = parts.clone();
        slip[1].pop();
        insta::assert_snapshot!(fails(slip.concat()),
            @"part 2 of this answer has a slip in it: copy it again");
        let other = code_parts(&to_text(ANSWER_MARK, &[8; 150]), 120).unwrap();
        insta::assert_snapshot!(fails(parts[0].clone() + &other[1] + &parts[2]),
            @"this answer has parts of different texts among its own");
        insta::assert_snapshot!(fails(parts.concat() + "HSA1-AAAAA"),
            @"part 3 of this answer has a slip in it: copy it again");
        insta::assert_snapshot!(fails(parts[0].replace(".3.", ".03.")),
            @"this answer has a part whose number is not clear");
        insta::assert_snapshot!(fails("HSA1.".to_owned()),
            @"this answer has a part whose number is not clear");
        insta::assert_snapshot!(code_parts("HSA1-AAAAA", 99).unwrap_err(),
            @"length of a part must be at least 100 characters");
    }

    #[test]
    fn a_check_fits_its_own_place_only() {
        let parts = three();
        for (from, to) in [(".1.3.", ".2.3."), (".1.3.", ".1.2."), ("HSA1", "HSR1")] {
            let moved = parts[0].replace(from, to);
            let refused = from_text(&moved[..4], "text", &moved).unwrap_err();
            assert!(matches!(refused, Error::PartSlip { .. }), "{from} {to}: {refused}");
        }
    }
}
