//! What a checker found.

/// A promise that was broken, by the name of the checker that saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which checker.
    pub checker: Checker,
    /// What it saw.
    pub what: String,
}

/// The checkers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// What was said to be saved is there, after any crash and at the end.
    AcknowledgedIsKept,
    /// Everybody ends with the same, and what was shown step by step is what the log alone gives.
    Converged,
    /// No place of a lane and no number of an actor has two contents, but where a copy went on unnoticed.
    SaidOnce,
    /// Nothing is shown that nobody had the right to say.
    Authority,
    /// What a removed device holds opens nothing that was sealed by who knew of its removal.
    RemovedIsBlind,
    /// A relay that lost something, and a device with two lives, are noticed.
    LossIsNoticed,
    /// Once nothing goes wrong any more, all work is done, soon.
    Liveness,
    /// What is refused keeps nothing else from coming in.
    QuarantineIsolates,
    /// Other clocks make no difference.
    ClocksDoNotMatter,
    /// Nothing is shown as acknowledged that no keeper has signed for.
    HonestLedger,
    /// The same seed makes the same run.
    Deterministic,
}

impl Checker {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::AcknowledgedIsKept,
        Self::Converged,
        Self::SaidOnce,
        Self::Authority,
        Self::RemovedIsBlind,
        Self::LossIsNoticed,
        Self::Liveness,
        Self::QuarantineIsolates,
        Self::ClocksDoNotMatter,
        Self::HonestLedger,
        Self::Deterministic,
    ];

    /// Its name, as it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AcknowledgedIsKept => "acknowledged-is-kept",
            Self::Converged => "converged",
            Self::SaidOnce => "said-once",
            Self::Authority => "authority",
            Self::RemovedIsBlind => "removed-is-blind",
            Self::LossIsNoticed => "loss-is-noticed",
            Self::Liveness => "liveness",
            Self::QuarantineIsolates => "quarantine-isolates",
            Self::ClocksDoNotMatter => "clocks-do-not-matter",
            Self::HonestLedger => "honest-ledger",
            Self::Deterministic => "deterministic",
        }
    }

    /// A finding of this checker.
    pub(crate) fn found<T>(self, what: impl Into<String>) -> Result<T, Finding> {
        Err(Finding { checker: self, what: what.into() })
    }

    /// A finding of this checker unless something is so.
    pub(crate) fn expect(self, is_so: bool, what: impl FnOnce() -> String) -> Result<(), Finding> {
        if is_so { Ok(()) } else { self.found(what()) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.checker.name(), self.what)
    }
}
