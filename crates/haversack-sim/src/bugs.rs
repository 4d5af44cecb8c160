//! The faults that can be seeded, and which checker finds each, under which seed.

use haversack_core::sim::Bug;

use crate::finding::Checker;

/// A fault that can be seeded.
#[derive(Debug, Clone, Copy)]
pub struct Seeded {
    /// Its name, as it is typed.
    pub name: &'static str,
    /// What it is.
    pub bug: Bug,
    /// The checker that finds it.
    pub checker: Checker,
    /// A seed under which it does, in runs as they are by default; `None` where none below 2,000 is known.
    pub seed: Option<u64>,
}

const fn seeded(name: &'static str, bug: Bug, checker: Checker, seed: Option<u64>) -> Seeded {
    Seeded { name, bug, checker, seed }
}

/// All of them.
pub const BUGS: [Seeded; 21] = [
    seeded("ack-before-commit", Bug::AckBeforeCommit, Checker::AcknowledgedIsKept, Some(3)),
    seeded("skip-fsync", Bug::SkipFsync, Checker::AcknowledgedIsKept, Some(0)),
    seeded("keep-actor", Bug::KeepActor, Checker::SaidOnce, Some(2)),
    seeded("accept-old-epoch", Bug::AcceptOldEpoch, Checker::RemovedIsBlind, Some(22)),
    seeded("reseal-never", Bug::ResealNever, Checker::RemovedIsBlind, Some(22)),
    seeded("trust-the-clock", Bug::TrustTheClock, Checker::ClocksDoNotMatter, Some(0)),
    seeded("sent-is-safe", Bug::SentIsSafe, Checker::Liveness, Some(0)),
    seeded("cursor-as-truth", Bug::CursorAsTruth, Checker::Liveness, Some(0)),
    seeded("skip-signature", Bug::SkipSignature, Checker::Authority, Some(6)),
    seeded("skip-cut", Bug::SkipCut, Checker::Authority, None),
    seeded("synced-without-ack", Bug::SyncedWithoutAck, Checker::HonestLedger, Some(0)),
    seeded("ack-without-hash", Bug::AckWithoutHash, Checker::HonestLedger, None),
    seeded("forget-waiting", Bug::ForgetWaiting, Checker::AcknowledgedIsKept, Some(21)),
    seeded("foreign-never-retried", Bug::ForeignNeverRetried, Checker::Converged, None),
    seeded(
        "one-bad-frame-fails-all",
        Bug::OneBadFrameFailsAll,
        Checker::QuarantineIsolates,
        Some(2),
    ),
    seeded("view-behind-log", Bug::ViewBehindLog, Checker::AcknowledgedIsKept, Some(0)),
    seeded("lose-unsent-on-new-life", Bug::LoseUnsentOnNewLife, Checker::Liveness, Some(56)),
    seeded("forget-former", Bug::ForgetFormer, Checker::Liveness, None),
    seeded("forget-named", Bug::ForgetNamed, Checker::AcknowledgedIsKept, None),
    seeded("believe-own-tag", Bug::BelieveOwnTag, Checker::Liveness, None),
    seeded("answer-words", Bug::AnswerWords, Checker::Liveness, Some(0)),
];
