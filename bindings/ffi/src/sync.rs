//! What a sync or a bundle did.

use crate::RelayFault;

/// What a sync did. Nothing here says "safe": that is what [`crate::Ledger`] tells.
#[derive(Debug, uniffi::Record)]
pub struct SyncReport {
    /// HTTP requests made.
    pub requests: u32,
    /// Bytes sent over the socket, headers included. Over an app's own HTTP client: bodies alone, here and below.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
    /// Frames that the relay now holds.
    pub pushed: u32,
    /// Their bytes, sealed.
    pub pushed_bytes: u64,
    /// This device's changes in them.
    pub records: u32,
    /// Frames that the relay had no room for.
    pub full: u32,
    /// What came.
    pub received: Received,
    /// Contacts that are new here.
    pub contacts: u64,
    /// What the relay did that it should not.
    pub faults: Vec<RelayFault>,
}

/// What became of the frames that came.
#[derive(Debug, Clone, Copy, uniffi::Record)]
pub struct Received {
    /// Applied now.
    pub applied: u32,
    /// Known before.
    pub known: u32,
    /// Waiting for something missing.
    pub waiting: u32,
    /// Refused and kept aside.
    pub quarantined: u32,
    /// Of another space.
    pub foreign: u32,
}

/// What importing a bundle did.
#[derive(Debug, uniffi::Record)]
pub struct BundleOutcome {
    /// Whole frames in the file.
    pub frames: u32,
    /// What they brought.
    pub received: Received,
    /// Contacts that are new here.
    pub contacts: u64,
    /// Whether the file goes to its end.
    pub whole: bool,
}

impl From<haversack::Received> for Received {
    fn from(received: haversack::Received) -> Self {
        Self {
            applied: received.applied,
            known: received.known,
            waiting: received.waiting,
            quarantined: received.quarantined,
            foreign: received.foreign,
        }
    }
}

impl From<haversack::SyncReport> for SyncReport {
    fn from(report: haversack::SyncReport) -> Self {
        Self {
            requests: report.requests,
            bytes_up: report.bytes_up,
            bytes_down: report.bytes_down,
            pushed: report.pushed,
            pushed_bytes: report.pushed_bytes,
            records: report.records,
            faults: report.faults.iter().map(RelayFault::from).collect(),
            full: report.full,
            received: report.received.into(),
            contacts: report.contacts,
        }
    }
}

impl From<haversack::BundleOutcome> for BundleOutcome {
    fn from(outcome: haversack::BundleOutcome) -> Self {
        Self {
            frames: outcome.frames,
            received: outcome.received.into(),
            contacts: outcome.contacts,
            whole: outcome.whole,
        }
    }
}
