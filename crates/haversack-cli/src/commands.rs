//! One file a command: what it takes, what it does, what it shows.

pub(crate) mod bundle;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod contact;
pub(crate) mod contacts;
pub(crate) mod device;
pub(crate) mod duress;
pub(crate) mod exit_codes;
pub(crate) mod exposure;
pub(crate) mod init;
pub(crate) mod invite;
pub(crate) mod join;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod passphrase;
pub(crate) mod peer;
pub(crate) mod quarantine;
pub(crate) mod recovery;
pub(crate) mod relay;
pub(crate) mod report;
pub(crate) mod site;
pub(crate) mod space;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod wipe;
