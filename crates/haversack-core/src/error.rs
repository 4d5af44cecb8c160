/// Why the engine refused. Says what and where; never content, a name or a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The passphrase opens no slot of this store.
    #[error("the passphrase does not open this store")]
    WrongPassphrase,
    /// The recovery code is not this store's.
    #[error("the recovery code does not open this store")]
    WrongRecoveryCode,
    /// Too many wrong attempts: nothing was tried. The same call, with `wait` waited, tries.
    #[error("after so many wrong attempts, the next one is taken in {} s", wait.as_secs())]
    TooSoon {
        /// How long to wait from now.
        wait: std::time::Duration,
    },
    /// The passphrase could be found by trying.
    #[error("this passphrase is too weak: {rule}")]
    WeakPassphrase {
        /// What it must be, and why.
        rule: &'static str,
    },
    /// The store was wiped. Nothing of it is left.
    #[error("this store was wiped; nothing of it is left")]
    Wiped,
    /// The folder holds no store.
    #[error("there is no store in this folder")]
    NoStore,
    /// The folder holds a store already.
    #[error("this folder already holds a store")]
    StoreExists,
    /// Another process has the store open.
    #[error("another process has this store open")]
    Busy,
    /// A part of the store was changed by something else, cut, or is not ours. Nothing was deleted.
    #[error("the store's {what} is damaged: {why}")]
    Damaged {
        /// Which part.
        what: &'static str,
        /// In what way.
        why: &'static str,
    },
    /// The store was written by a newer version.
    #[error("the store's {what} is of version {found}, newer than this program knows")]
    Newer {
        /// Which part.
        what: &'static str,
        /// Its version.
        found: u64,
    },
    /// No room is left where the store is. What was saved before stays.
    #[error("no space is left on the device; nothing of this was saved, everything before is")]
    Full,
    /// The device or the file system failed.
    #[error("the store's {what} could not be read or written")]
    Io {
        /// Which part.
        what: &'static str,
        /// The operating system's own error.
        #[source]
        source: std::io::Error,
    },
    /// The database failed.
    #[error("the store's database failed while {what}")]
    Database {
        /// What was being done.
        what: &'static str,
        /// The database's own error, without content.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The hardware key is gone or refuses.
    #[error("the hardware key did not answer")]
    Hardware,
    /// A value is outside of what its field allows.
    #[error("{field} {rule}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What it must be.
        rule: String,
    },
    /// Something named does not exist here.
    #[error("this {what} is not known here")]
    Unknown {
        /// What it would be.
        what: &'static str,
    },
    /// The store belongs to no space yet.
    #[error("this store is in no space yet")]
    NoSpace,
    /// The store belongs to a space already.
    #[error("this store is in a space already")]
    InSpace,
    /// A further space opens with the store that it is in: it has no passphrase, recovery code or duress passphrase of its own,
    /// and no further space in it.
    #[error("a further space has no passphrase of its own: it opens with the store that it is in")]
    Inner,
    /// Only some roles may do this.
    #[error("this device's role does not allow to {what}")]
    NotAllowed {
        /// What it does not allow.
        what: &'static str,
    },
    /// This device was removed from its team. What it holds stays readable here.
    #[error("this device was removed from its team: it neither sends nor takes records any more")]
    Removed,
    /// The store is to be given up, and holds what nobody else is known to have.
    #[error(
        "nobody is known to have, of this device: changes {}, decisions about the team {}, frames of others {}",
        owed.changes, owed.decisions, owed.carried
    )]
    Owed {
        /// How much of what.
        owed: crate::engine::Owed,
    },
    /// The store is to be given up, and keeps the team's root key.
    #[error("this store keeps the team's root key")]
    RootKept,
    /// The store is to be given up, and holds further spaces.
    #[error("this store holds further spaces: each is given up before it")]
    SpacesKept,
    /// A request or an answer of an enrolment is not usable.
    #[error("this {what} {why}")]
    Enrolment {
        /// The request or the answer.
        what: &'static str,
        /// Why it is not usable.
        why: &'static str,
    },
    /// Some parts of a request or of an answer are not there.
    #[error("this {what} is not whole: of its {of} parts, these are missing: {}", listed(missing))]
    PartsMissing {
        /// The request or the answer.
        what: &'static str,
        /// The numbers of those that are missing.
        missing: Vec<u8>,
        /// How many there are in all.
        of: u8,
    },
    /// A part of a request or of an answer has a slip in it.
    #[error("part {number} of this {what} has a slip in it: copy it again")]
    PartSlip {
        /// The request or the answer.
        what: &'static str,
        /// The part's number.
        number: u8,
    },
    /// A share of the root key is not usable.
    #[error("this share {why}")]
    Share {
        /// Why it is not usable.
        why: &'static str,
    },
    /// Shares of the root key do not make it.
    #[error("these shares {why}")]
    Shares {
        /// In what way.
        why: &'static str,
    },
    /// There are too few shares of the root key.
    #[error("of the {needed} shares that it takes, {have} are there")]
    SharesMissing {
        /// How many are there.
        have: u8,
        /// How many it takes.
        needed: u8,
    },
    /// Nothing in it is for this store's space.
    #[error("this {what} is of another space or for another device")]
    Foreign {
        /// The bundle, or the relay.
        what: &'static str,
    },
    /// The relay said something that it should not.
    #[error("the relay's answer is not usable: {why}")]
    Relay {
        /// In what way.
        why: &'static str,
    },
    /// Bytes break the protocol.
    #[error(transparent)]
    Wire(WireError),
    /// The documents' own library refused; a bug.
    #[error("a document could not be {what}")]
    Document {
        /// What was being done.
        what: &'static str,
    },
}

fn listed(numbers: &[u8]) -> String {
    numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

/// Why bytes were refused, without naming the crate that reads them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WireError(pub(crate) haversack_wire::Error);

impl From<haversack_wire::Error> for Error {
    fn from(error: haversack_wire::Error) -> Self {
        Self::Wire(WireError(error))
    }
}

impl Error {
    pub(crate) fn invalid(field: &'static str, rule: impl Into<String>) -> Self {
        Self::Invalid { field, rule: rule.into() }
    }

    pub(crate) const fn damaged(what: &'static str, why: &'static str) -> Self {
        Self::Damaged { what, why }
    }

    pub(crate) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull => Self::Full,
            _ => Self::Io { what, source },
        }
    }

    pub(crate) fn database(what: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        move |source| match source.sqlite_error_code() {
            Some(DiskFull) => Self::Full,
            Some(DatabaseCorrupt) => Self::damaged("database", "its pages do not fit together"),
            Some(NotADatabase) => Self::damaged("database", "it is not one"),
            _ => Self::Database { what, source: Box::new(source) },
        }
    }
}
