//! Faults that the simulator seeds into this crate, to see that its checkers find them.
//!
//! They are a run-time switch of the thread behind the feature `sim`. Without it, which is how all is built that anybody
//! else uses, [`seeded`] is `false` at compile time, and nothing of them is left.

/// A fault that can be seeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(not(feature = "sim"), allow(unreachable_pub))]
pub enum Bug {
    /// A commit that failed is told as done.
    AckBeforeCommit,
    /// The database is not synced.
    SkipFsync,
    /// A store that was put back from a copy goes on as who it was.
    KeepActor,
    /// An epoch that answers fewer removals than are known is written under.
    AcceptOldEpoch,
    /// What is to be pushed stays sealed under the epoch under which it was closed.
    ResealNever,
    /// Weeks are counted by the calendar, from the clock's own beginning.
    TrustTheClock,
    /// What a relay has taken once is never offered to it again.
    SentIsSafe,
    /// A relay that has another past is believed to have the same.
    CursorAsTruth,
    /// Whoever has the key of an epoch can write as anybody.
    SkipSignature,
    /// A removed device is believed in all that it goes on to say.
    SkipCut,
    /// What a relay holds is shown as acknowledged.
    SyncedWithoutAck,
    /// An acknowledgement counts whichever body it names.
    AckWithoutHash,
    /// What cannot be applied yet is dropped.
    ForgetWaiting,
    /// What no key opens yet is not tried again once keys come.
    ForeignNeverRetried,
    /// One frame that is refused stops all that came with it.
    OneBadFrameFailsAll,
    /// A store that opens shows its snapshot, and not what was logged since.
    ViewBehindLog,
    /// A new life does not say again what the one before had not sent.
    LoseUnsentOnNewLife,
    /// A new life lets go of the bodies of the one before.
    ForgetFormer,
    /// What a keeper has named in a fork is offered by nobody.
    ForgetNamed,
    /// A frame at a place of this device's lane is taken for its own.
    BelieveOwnTag,
    /// Who keeps the team's work answers words alone.
    AnswerWords,
}

#[cfg(not(feature = "sim"))]
pub(crate) const fn seeded(_: Bug) -> bool {
    false
}

/// Whether this thread is all that there is: a simulated fleet's disk and faults are of one thread.
pub(crate) fn is_simulated() -> bool {
    #[cfg(feature = "sim")]
    return crate::sim::disk().is_some();
    #[cfg(not(feature = "sim"))]
    false
}

#[cfg(feature = "sim")]
thread_local! {
    static SEEDED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Whether a fault is seeded in this thread.
#[cfg(feature = "sim")]
pub(crate) fn seeded(bug: Bug) -> bool {
    SEEDED.get() == Some(bug)
}

#[cfg(feature = "sim")]
pub(crate) fn seed(bug: Option<Bug>) {
    SEEDED.set(bug);
}
