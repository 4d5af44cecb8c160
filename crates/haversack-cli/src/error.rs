//! Why a command stopped. What to do about it is in [`hints`](crate::hints), what programs tell it apart by in [`code`].

use std::io;
use std::path::PathBuf;

use haversack::model::Day;
use haversack::{Attempts, ClientId, Owed};

use crate::passphrase::Asked;

pub(crate) use code::{Code, Exit};

mod code;

/// Why a command stopped. Names files, fields and places; never a value that could be somebody's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store, the network, or what was typed.
    #[error(transparent)]
    Notebook(#[from] haversack::Error),
    /// The relay.
    #[error(transparent)]
    Relay(#[from] haversack_relay::Error),
    /// The demo.
    #[error(transparent)]
    Demo(#[from] crate::demo::Error),
    /// No store was named.
    #[error("no store is named")]
    StoreNotNamed,
    /// A further space was named for what is done to a whole store.
    #[error("this is done to the whole store, with all of its spaces; nothing was done")]
    WholeStore,
    /// No file and no terminal to take a secret from.
    #[error("there is no terminal to ask for the {} on", asked.name())]
    NoSecret { asked: Asked },
    /// A secret that does not open the store, and where the count of wrong ones stands.
    #[error("{why}: {}", stand(attempts))]
    NotOpened { why: Box<haversack::Error>, attempts: Attempts },
    /// Another file was named in place of a key file.
    #[error("{} is not a key file", path.display())]
    NotAKeyFile { path: PathBuf },
    /// The key file is not where it was said to be.
    #[error("there is no key file at {}", path.display())]
    NoKeyFile { path: PathBuf },
    /// The file with the passphrase cannot be read.
    #[error("the passphrase file cannot be read")]
    PassphraseFile { source: io::Error },
    /// Typed twice, not alike.
    #[error("the two passphrases differ; nothing was changed")]
    PassphrasesDiffer,
    /// The key file would be copied with the store.
    #[error(
        "the key file must lie outside of the store's folder: a copy of the folder must not hold it"
    )]
    KeyInStore,
    /// Whoever was asked did not type the word.
    #[error("nothing was wiped: the word was not typed")]
    NotConfirmed,
    /// Whoever was asked did not type what was asked for.
    #[error("nothing was changed: what was asked for was not typed")]
    NotTyped,
    /// What cannot be taken back is confirmed first, and nobody can be asked.
    #[error("this cannot be taken back, and there is no terminal to ask on")]
    Unasked,
    /// A device that was removed is given up with work on it that nobody takes any more.
    #[error("this device was removed, and nobody takes what it has: changes {}, decisions {}, frames of others {}",
        owed.changes, owed.decisions, owed.carried)]
    OwedByRemoved { owed: Owed },
    /// A file does not hold what was just written into it.
    #[error("{} does not hold what was written into it; nothing was wiped", path.display())]
    WrittenOtherwise { path: PathBuf },
    /// A device that was removed cannot be removed again.
    #[error("this device was removed already")]
    RemovedBefore,
    /// Digits, or digits and a name, that fit more than one device.
    #[error("this could be {} devices", ids.len())]
    SeveralDevices { ids: Vec<String> },
    /// Digits that fit more than one contact.
    #[error("this could be {} contacts", ids.len())]
    SeveralContacts { ids: Vec<String> },
    /// Nothing is said of a contact but where and when it was.
    #[error("nothing is said of this contact; nothing was saved")]
    EmptyContact,
    /// The terminal failed, or whoever sat there gave up.
    #[error("nothing came from the terminal")]
    Terminal { source: io::Error },
    /// Something is missing, and nobody can be asked.
    #[error("{what} is missing, and there is no terminal to ask on")]
    Missing { what: &'static str },
    /// A file cannot be read or written.
    #[error("{path} could not be {done}")]
    File { path: String, done: &'static str, source: io::Error },
    /// A file is there already.
    #[error("{} is there already", path.display())]
    FileExists { path: PathBuf },
    /// A file is larger than anything useful.
    #[error("{path} is larger than {limit_mib} MiB")]
    TooLarge { path: String, limit_mib: u64 },
    /// What should be text is not.
    #[error("{path} is not text in UTF-8")]
    NotText { path: String },
    /// A table of contacts in a format that this program does not read.
    #[error("a file of contacts ends in .csv or .json")]
    UnknownFormat,
    /// A table of contacts without one.
    #[error("the file holds no contact")]
    NoRows,
    /// Something in a file of contacts, by line and column.
    #[error("{place}: {why}")]
    Cell { place: String, why: Box<Self> },
    /// Several such.
    #[error("{} of the file cannot be used; nothing was saved{}", counted(*total), listed(first))]
    Cells { first: Vec<Self>, total: usize },
    /// A rule that a cell, a column or a row breaks.
    #[error("{0}")]
    Rule(String),
    /// A full disk, or its like, in the middle of many days.
    #[error("{saved} contacts, of the days before {from}, are saved; then: {why}")]
    Partly { saved: usize, from: Day, why: Box<Self> },
    /// A label that does not say who.
    #[error("this could be {} clients", ids.len())]
    Ambiguous { ids: Vec<ClientId> },
    /// A code that is shortened too far.
    #[error("this {what} could be {could_be}")]
    Unclear { what: &'static str, could_be: String },
    /// A relay is to be told to others, and its id is not given.
    #[error("to tell others of a relay takes its id, so that no other can take its place")]
    RelayWithoutId,
    /// A picture in a format that this program does not write.
    #[error("a picture of a QR code ends in .png or .svg")]
    UnknownPicture,
    /// An answer is taken, and there is nothing to draw.
    #[error("a QR code shows a request: it goes with --request")]
    NothingToDraw,
    /// The encoder refused what fits. A bug.
    #[error("the text could not be drawn as a QR code")]
    Drawing,
    /// Nobody said which relay.
    #[error("no relay is named, and the team's roster names none")]
    NoRelay,
    /// A bundle that ends too early. What is whole in it was taken.
    #[error(
        "the bundle ends too early; what is whole in it is kept: frames {frames}, new contacts {contacts}"
    )]
    CutBundle { frames: u32, contacts: u64 },
    /// A store and a relay do not share a folder: they are backed up and wiped apart.
    #[error("this folder holds a store; nothing was put into it")]
    StoreInData,
    /// The same, the other way round.
    #[error("this folder holds a relay's data; nothing was put into it")]
    RelayInStore,
    /// The relay cannot listen there.
    #[error("cannot listen on {address}")]
    Listen { address: String, source: io::Error },
    /// Threads or signals are not to be had.
    #[error("the operating system gives this program no threads or signals")]
    Runtime { source: io::Error },
    /// Writing the result failed.
    #[error("the result could not be written")]
    Output { source: io::Error },
}

impl Error {
    /// A rule that is broken.
    pub(crate) fn rule(text: impl Into<String>) -> Self {
        Self::Rule(text.into())
    }

    /// This error, at a place of a file.
    pub(crate) fn at(self, place: impl Into<String>) -> Self {
        Self::Cell { place: place.into(), why: Box::new(self) }
    }
}

impl From<haversack::EngineError> for Error {
    fn from(error: haversack::EngineError) -> Self {
        Self::Notebook(error.into())
    }
}

/// How many were wrong, and what comes of it.
fn stand(attempts: &Attempts) -> String {
    let wait = match attempts.wait.as_secs() {
        0 => String::new(),
        seconds => format!("; the next attempt waits {seconds} s"),
    };
    let left = match attempts.left {
        None => String::new(),
        Some(left) => format!("; {left} more wipe the store"),
    };
    format!("{} wrong in a row{wait}{left}", attempts.wrong)
}

fn counted(total: usize) -> String {
    match total {
        1 => "1 value".to_owned(),
        _ => format!("{total} values"),
    }
}

fn listed(errors: &[Error]) -> String {
    errors.iter().map(|error| format!("\n  {error}")).collect()
}
