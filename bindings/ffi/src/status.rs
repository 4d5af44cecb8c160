//! Where a store stands.

/// Where a store stands.
#[derive(Debug, uniffi::Record)]
pub struct Status {
    /// Contacts shown.
    pub contacts: u64,
    /// Contacts of outings whose date cannot be used.
    pub undated: u64,
    /// Documents in the log.
    pub documents: u64,
    /// The same contacts, whoever logged them, by the safest place each is known to be in.
    pub whereabouts: Ledger,
    /// This device's own changes, by the safest place each is known to be in.
    pub own: Ledger,
    /// Frames that wait for something missing.
    pub waiting: u64,
    /// Frames refused.
    pub quarantined: u64,
    /// Frames that found no room here when relays were last asked: they are asked for again.
    pub dropped: u64,
    /// Frames kept for the next relay.
    pub carried: u64,
    /// Changes by removed devices, beyond what is believed of them: kept, not shown.
    pub doubted: u64,
    /// Bodies of devices with two lives, not believed: kept, and said again by their device.
    pub forked: u64,
    /// Whether this device was removed from its space.
    pub removed: bool,
}

/// How many are where: each counted in the safest place it is known to be in.
#[derive(Debug, uniffi::Record)]
pub struct Ledger {
    /// Only on this device.
    pub here_only: u64,
    /// In a file for somebody to carry.
    pub carried: u64,
    /// Held by a relay.
    pub relayed: u64,
    /// Acknowledged by the signature of a coordinator or an archive.
    pub acknowledged: u64,
    /// Of those not acknowledged: refused in part by who keeps the team's work.
    pub refused: u64,
}

impl From<haversack::Ledger> for Ledger {
    fn from(ledger: haversack::Ledger) -> Self {
        let haversack::Ledger { here_only, carried, relayed, acknowledged, refused } = ledger;
        Self { here_only, carried, relayed, acknowledged, refused }
    }
}

impl From<haversack::Status> for Status {
    fn from(status: haversack::Status) -> Self {
        Self {
            contacts: status.contacts,
            undated: status.undated,
            documents: status.documents,
            whereabouts: status.whereabouts.into(),
            own: status.own.into(),
            waiting: status.waiting,
            quarantined: status.quarantined,
            dropped: status.dropped,
            carried: status.carried,
            doubted: status.doubted,
            forked: status.forked,
            removed: status.removed,
        }
    }
}
