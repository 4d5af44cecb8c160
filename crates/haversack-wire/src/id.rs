//! Ids and tags: fixed-length byte strings, a type each (§ 2).

use crate::hash::{Label, derive_cut};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Takes the bytes as they are.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The bytes, by value.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; $len] {
                self.0
            }
        }

        impl std::fmt::Debug for $name {
            /// The first four bytes: enough to tell two apart in a log, too few to be looked up.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}(", stringify!($name))?;
                self.0.iter().take(4).try_for_each(|b| write!(f, "{b:02x}"))?;
                f.write_str("…)")
            }
        }
    };
}

macro_rules! secret_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Takes the bytes as they are.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

id!(/// A space: the unit of sharing, one roster, one mailbox.
    Space, 16);
id!(/// A device of a space.
    Device, 16);
id!(/// One life of a device's store; a restored backup goes on under a new one.
    Incarnation, 8);
id!(/// A device incarnation's append-only sequence of chunks in one space.
    Lane, 16);
id!(/// The author of Automerge changes: one for each lane.
    Actor, 16);
id!(/// A document.
    Document, 16);
id!(/// An epoch, named by a commitment to its secret.
    Epoch, 16);
id!(/// The few bytes by which a reader finds the epoch of a chunk.
    KeyHint, 4);
id!(/// A lane as the relay sees it, during one generation.
    LaneTag, 8);
id!(/// A relay, named by its long-term key.
    Relay, 16);
id!(/// What proves that a mailbox may be emptied is the preimage of this.
    RetireHash, 32);
id!(/// A mailbox at a relay.
    Mailbox, 16);
id!(/// The mark by which a recipient finds a grant.
    GrantTag, 8);
id!(/// A frame's hash: how a relay and a device name it.
    FrameHash, 16);
id!(/// The rolling hash over a mailbox's frames up to a cursor.
    CursorDigest, 16);
id!(/// A roster statement's hash.
    StatementHash, 16);
id!(/// An epoch statement's hash.
    EpochHash, 16);
id!(/// A generation: the epochs between two revocations, which share a mailbox.
    Generation, 16);
id!(/// A pack, named by a commitment to its key.
    Pack, 16);
id!(/// The hash of what was signed at one lane position.
    Position, 16);
secret_id!(/// The right to use a mailbox; never shown.
    Token, 32);

impl FrameHash {
    /// `derive("frame", frame)[..16]`
    #[must_use]
    pub fn of(frame: &[u8]) -> Self {
        Self::new(derive_cut(Label::FRAME, &[frame]))
    }
}

impl CursorDigest {
    /// dₙ from dₙ₋₁ and the hash of the n-th frame: `derive("cursor", dₙ₋₁ ‖ frame hash)[..16]`
    #[must_use]
    pub fn next(self, frame: FrameHash) -> Self {
        Self::new(derive_cut(Label::CURSOR, &[&self.0, frame.as_bytes()]))
    }
}

impl Mailbox {
    /// `derive("mailbox", token ‖ retire hash)[..16]`
    #[must_use]
    pub fn of(token: &Token, retire: &RetireHash) -> Self {
        Self::new(derive_cut(Label::MAILBOX, &[token.as_bytes(), retire.as_bytes()]))
    }
}

impl Relay {
    /// `derive("relay", relay key)[..16]`
    #[must_use]
    pub fn of(key: &[u8; 32]) -> Self {
        Self::new(derive_cut(Label::RELAY, &[key]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_little() {
        insta::assert_snapshot!(format!("{:?} {:?}", Lane::new([7; 16]), Token::new([7; 32])),
            @"Lane(07070707…) Token(…)");
    }
}
