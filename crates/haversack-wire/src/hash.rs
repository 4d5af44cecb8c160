//! The two hashes of the protocol (§ 1), both BLAKE3.

/// `derive(label, parts…)`: BLAKE3 in `derive_key` mode with context `haversack v1 <label>`.
#[must_use]
pub fn derive(label: Label, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(label.0);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The first N bytes of [`derive`]; N is at most 32.
#[must_use]
pub fn derive_cut<const N: usize>(label: Label, parts: &[&[u8]]) -> [u8; N] {
    cut(derive(label, parts))
}

/// `keyed(key, parts…)`: the BLAKE3 keyed hash.
#[must_use]
pub fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The first N bytes of a hash; N is at most 32.
#[must_use]
pub fn cut<const N: usize>(hash: [u8; 32]) -> [u8; N] {
    const { assert!(N <= 32) };
    std::array::from_fn(|i| hash.get(i).copied().unwrap_or_default())
}

/// A context string of [`derive`]. One constant for each line of § 2, so that none is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(&'static str);

macro_rules! labels {
    ($($name:ident = $text:literal;)*) => {
        impl Label {
            $(
                #[doc = concat!("`haversack v1 ", $text, "`")]
                pub const $name: Self = Self(concat!("haversack v1 ", $text));
            )*
            /// Every label there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

labels! {
    SPACE = "space";
    DEVICE = "device";
    LANE = "lane";
    ACTOR = "actor";
    EPOCH_ID = "epoch id";
    CHUNK_KEY = "chunk key";
    ROSTER_KEY = "roster key";
    HINT_KEY = "hint key";
    GENERATION = "generation";
    LANE_TAG = "lane tag";
    RELAY = "relay";
    TOKEN = "token";
    RETIRE = "retire";
    MAILBOX = "mailbox";
    GRANT_TAG = "grant tag";
    FRAME = "frame";
    CURSOR = "cursor";
    STATEMENT = "statement";
    EPOCH_STATEMENT = "epoch statement";
    CLIENT_TAG = "client tag";
    TREE = "tree";
    REQUEST = "request";
    REQUEST_CHECK = "request check";
    PSK_ID = "psk id";
    PARTS = "parts";
    PART_CHECK = "part check";
    WORDS = "words";
    HEADER = "header";
    WIPED = "wiped";
    FILE_KEY = "file key";
    ROOT_SHARE_SET = "root share set";
    ROOT_SHARE_CHECK = "root share check";
    REGISTRY = "registry";
    PLACE = "place";
    DROP = "drop";
    NOTE = "note";
    NOTE_ACTOR = "note actor";
    DROP_KEY = "drop key";
    PACK = "pack";
    PACK_SEGMENT_KEY = "pack segment key";
    PACK_MANIFEST_KEY = "pack manifest key";
    PACK_HINT_KEY = "pack hint key";
    OFFERED_AGAIN = "offered again";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_labels_are_alike() {
        let distinct: std::collections::BTreeSet<_> = Label::ALL.iter().map(|l| l.0).collect();
        assert_eq!(distinct.len(), Label::ALL.len());
    }

    #[test]
    fn parts_are_concatenated() {
        assert_eq!(derive(Label::FRAME, &[b"ab", b"c"]), derive(Label::FRAME, &[b"abc"]));
        assert_ne!(derive(Label::FRAME, &[b"abc"]), derive(Label::CURSOR, &[b"abc"]));
    }
}
