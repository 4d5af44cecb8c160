//! What a program can tell endings apart by: a code for each error, and an exit code for each kind of them. Codes that are
//! here stay; new ones may come.

use std::io;

use haversack::{EngineError, Error as NotebookError, ProxyError};
use haversack_relay::Error as RelayError;

use super::Error;
use crate::demo;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Other,
    Usage,
    Locked,
    Missing,
    Busy,
    Relay,
    Input,
    Refused,
    Disk,
    BrokenPipe,
    Bug,
}

impl Exit {
    /// All of them, by exit code.
    pub(crate) const ALL: [Self; 12] = [
        Self::Done,
        Self::Other,
        Self::Usage,
        Self::Locked,
        Self::Missing,
        Self::Busy,
        Self::Relay,
        Self::Input,
        Self::Refused,
        Self::Disk,
        Self::BrokenPipe,
        Self::Bug,
    ];

    /// What the process ends with.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Other => 1,
            Self::Usage => 2,
            Self::Locked => 3,
            Self::Missing => 4,
            Self::Busy => 5,
            Self::Relay => 6,
            Self::Input => 7,
            Self::Refused => 8,
            Self::Disk => 9,
            // As a shell reports a program that the signal of a broken pipe ended.
            Self::BrokenPipe => 141,
            Self::Bug => 255,
        }
    }

    /// What it means.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Other => "failed for another reason",
            Self::Usage => "called wrongly, or nobody there to ask",
            Self::Locked => "what was given does not open the store, or was tried too soon",
            Self::Missing => "there is no store, or it is in no team",
            Self::Busy => "another process is at it: try again later",
            Self::Relay => "no relay was reached, or it refused: try again later",
            Self::Input => "a value, a file or a text that was given cannot be used",
            Self::Refused => "not as this store and this device stand: role, removal, what is owed",
            Self::Disk => {
                "the disk is full or fails, or the store is damaged or of a newer version"
            }
            Self::BrokenPipe => "whoever read the output went away",
            Self::Bug => "a bug",
        }
    }
}

/// Makes the list of codes: an exit, and the errors that end with it.
macro_rules! codes {
    ($($exit:ident: $($name:ident = $text:literal),* ;)*) => {
        /// What went wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $($($name,)*)*
        }

        impl Code {
            /// All of them, by exit code.
            pub(crate) const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The code as it is written.
            pub(crate) const fn text(self) -> &'static str {
                match self {
                    $($(Self::$name => $text,)*)*
                }
            }

            /// How a command ends that fails with it.
            pub(crate) const fn exit(self) -> Exit {
                match self {
                    $($(Self::$name => Exit::$exit,)*)*
                }
            }
        }
    };
}

codes! {
    Other: Other = "other", NotConfirmed = "not_confirmed", Terminal = "terminal", Output = "output",
        System = "system", Listen = "listen", CutConnections = "cut_connections";
    Usage: Usage = "usage", StoreNotNamed = "store_not_named", WholeStore = "whole_store",
        NothingGiven = "nothing_given", RelayWithoutId = "relay_without_id", KeyInStore = "key_in_store",
        UnknownFormat = "unknown_format", EmptyContact = "empty_contact";
    Locked: WrongPassphrase = "wrong_passphrase", WrongRecovery = "wrong_recovery_code",
        TooSoon = "too_soon", KeyMissing = "key_missing", NotAKeyFile = "not_a_key_file";
    Missing: NoStore = "no_store", NoTeam = "no_team", Wiped = "wiped", Closed = "closed";
    Busy: Busy = "busy", RelayInUse = "relay_in_use";
    Relay: NoRelay = "no_relay", Unreachable = "unreachable", NotARelay = "not_a_relay",
        OtherRelay = "other_relay", RelayRefused = "relay_refused", Interrupted = "interrupted",
        RelayAnswer = "relay_answer", UntrustedRelay = "untrusted_relay", Proxy = "proxy";
    Input: Invalid = "invalid", Unknown = "unknown", Ambiguous = "ambiguous",
        PassphraseFile = "passphrase_file", WeakPassphrase = "weak_passphrase",
        PassphrasesDiffer = "passphrases_differ", File = "file", FileExists = "file_exists",
        TooLarge = "too_large", NotText = "not_text", BadRows = "bad_rows", BadFile = "bad_file",
        CutFile = "cut_file", Foreign = "foreign", Enrolment = "enrolment", Share = "share",
        RelayAddress = "relay_address", ProxyAddress = "proxy_address", Certificate = "certificate";
    Refused: NotAllowed = "not_allowed", Removed = "removed", RemovedBefore = "removed_before", InTeam = "in_team",
        StoreExists = "store_exists", FurtherTeam = "further_team", Owed = "owed",
        RootKept = "root_kept", SpacesKept = "spaces_kept";
    Disk: DiskFull = "disk_full", Disk = "disk", Damaged = "damaged", Newer = "newer";
    BrokenPipe: BrokenPipe = "broken_pipe";
    Bug: Bug = "bug";
}

impl Error {
    /// What a program tells it apart by.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Notebook(error) => of_notebook(error),
            Self::NotOpened { why, .. } => of_notebook(why),
            Self::Relay(error) => of_relay(error),
            Self::Demo(error) => of_demo(error),
            Self::Cell { why, .. } | Self::Partly { why, .. } => why.code(),
            Self::Output { source } => of_output(source),
            Self::Terminal { .. } => Code::Terminal,
            Self::Runtime { .. } => Code::System,
            Self::Listen { .. } => Code::Listen,
            Self::Drawing => Code::Bug,
            Self::NotConfirmed | Self::NotTyped => Code::NotConfirmed,
            Self::OwedByRemoved { .. } => Code::Owed,
            Self::StoreInData | Self::RelayInStore => Code::StoreExists,
            Self::RemovedBefore => Code::RemovedBefore,
            Self::NoRelay => Code::NoRelay,
            other => of_arguments(other),
        }
    }
}

/// What was typed, and what was named with it.
fn of_arguments(error: &Error) -> Code {
    match error {
        Error::StoreNotNamed => Code::StoreNotNamed,
        Error::WholeStore => Code::WholeStore,
        Error::NoSecret { .. } | Error::Missing { .. } | Error::Unasked => Code::NothingGiven,
        Error::NotAKeyFile { .. } => Code::NotAKeyFile,
        Error::NoKeyFile { .. } => Code::KeyMissing,
        Error::EmptyContact => Code::EmptyContact,
        Error::KeyInStore => Code::KeyInStore,
        Error::RelayWithoutId => Code::RelayWithoutId,
        Error::UnknownFormat | Error::UnknownPicture => Code::UnknownFormat,
        Error::PassphraseFile { .. } => Code::PassphraseFile,
        Error::PassphrasesDiffer => Code::PassphrasesDiffer,
        Error::SeveralDevices { .. }
        | Error::SeveralContacts { .. }
        | Error::Ambiguous { .. }
        | Error::Unclear { .. } => Code::Ambiguous,
        Error::File { source, .. } => of_io(source).unwrap_or(Code::File),
        Error::FileExists { .. } => Code::FileExists,
        Error::TooLarge { .. } => Code::TooLarge,
        Error::NotText { .. } => Code::NotText,
        Error::NoRows | Error::Cells { .. } | Error::Rule(_) => Code::BadRows,
        Error::CutBundle { .. } => Code::CutFile,
        Error::WrittenOtherwise { .. } => Code::Disk,
        Error::NothingToDraw => Code::Usage,
        _ => Code::Other,
    }
}

fn of_output(source: &io::Error) -> Code {
    match source.kind() {
        io::ErrorKind::BrokenPipe => Code::BrokenPipe,
        _ => of_io(source).unwrap_or(Code::Output),
    }
}

fn of_io(source: &io::Error) -> Option<Code> {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(source.kind(), StorageFull | QuotaExceeded).then_some(Code::DiskFull)
}

fn of_demo(error: &demo::Error) -> Code {
    match error {
        demo::Error::Notebook(error) => of_notebook(error),
        demo::Error::Data { .. } => Code::BadFile,
        demo::Error::Io { source, .. } => of_io(source).unwrap_or(Code::File),
        demo::Error::Different { .. } => Code::Bug,
    }
}

fn of_notebook(error: &NotebookError) -> Code {
    match error {
        NotebookError::Engine(error) => of_engine(error),
        NotebookError::Period(_) => Code::Invalid,
        NotebookError::Address { .. } => Code::RelayAddress,
        NotebookError::Unreachable { .. } => Code::Unreachable,
        NotebookError::Listen { .. } => Code::Listen,
        NotebookError::Proxy(ProxyError::Address { .. }) => Code::ProxyAddress,
        NotebookError::Proxy(_) => Code::Proxy,
        NotebookError::Tls { .. } => Code::UntrustedRelay,
        NotebookError::NotARelay => Code::NotARelay,
        NotebookError::OtherRelay => Code::OtherRelay,
        NotebookError::Refused { .. } => Code::RelayRefused,
        NotebookError::Interrupted { .. } => Code::Interrupted,
        NotebookError::Closed => Code::Closed,
        NotebookError::Task => Code::Bug,
        _ => Code::Other,
    }
}

fn of_engine(error: &EngineError) -> Code {
    match error {
        EngineError::WrongPassphrase => Code::WrongPassphrase,
        EngineError::WrongRecoveryCode => Code::WrongRecovery,
        EngineError::TooSoon { .. } => Code::TooSoon,
        EngineError::Hardware => Code::KeyMissing,
        EngineError::WeakPassphrase { .. } => Code::WeakPassphrase,
        EngineError::Wiped => Code::Wiped,
        EngineError::NoStore => Code::NoStore,
        EngineError::NoSpace => Code::NoTeam,
        EngineError::Busy => Code::Busy,
        EngineError::Damaged { .. } => Code::Damaged,
        EngineError::Newer { what: "request" | "answer", .. } => Code::Enrolment,
        EngineError::Newer { .. } => Code::Newer,
        EngineError::Full => Code::DiskFull,
        EngineError::Io { .. } | EngineError::Database { .. } => Code::Disk,
        EngineError::Document { .. } => Code::Bug,
        EngineError::Relay { .. } => Code::RelayAnswer,
        other => of_input(other),
    }
}

/// What was handed in, and what this device may not do with it.
const fn of_input(error: &EngineError) -> Code {
    match error {
        EngineError::Invalid { .. } => Code::Invalid,
        EngineError::Unknown { .. } => Code::Unknown,
        EngineError::Foreign { .. } => Code::Foreign,
        EngineError::Wire(_) => Code::BadFile,
        EngineError::Enrolment { .. }
        | EngineError::PartsMissing { .. }
        | EngineError::PartSlip { .. } => Code::Enrolment,
        EngineError::Share { .. }
        | EngineError::Shares { .. }
        | EngineError::SharesMissing { .. } => Code::Share,
        EngineError::NotAllowed { .. } => Code::NotAllowed,
        EngineError::Removed => Code::Removed,
        EngineError::InSpace => Code::InTeam,
        EngineError::StoreExists => Code::StoreExists,
        EngineError::Inner => Code::FurtherTeam,
        EngineError::Owed { .. } => Code::Owed,
        EngineError::RootKept => Code::RootKept,
        EngineError::SpacesKept => Code::SpacesKept,
        _ => Code::Other,
    }
}

const fn of_relay(error: &RelayError) -> Code {
    match error {
        RelayError::InUse => Code::RelayInUse,
        RelayError::Certificate { .. } => Code::Certificate,
        RelayError::Newer => Code::Newer,
        RelayError::Damaged { .. } => Code::Damaged,
        RelayError::NoRoom => Code::DiskFull,
        RelayError::Cut { .. } => Code::CutConnections,
        RelayError::Io { .. } => Code::Disk,
        _ => Code::Other,
    }
}
