//! What goes wrong, and when.

/// What happens to a store once its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the call is done: nothing works any more, and what was written last may be half there.
    Death,
    /// So many writes that would make a file longer find no room.
    Full(u32),
    /// So many calls that change something fail.
    Broken(u32),
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No room is left.
    Full,
    /// The disk, or the process, is gone.
    Broken,
    /// There is no such file.
    Missing,
}

impl From<Trouble> for std::io::Error {
    fn from(trouble: Trouble) -> Self {
        let kind = match trouble {
            Trouble::Full => std::io::ErrorKind::StorageFull,
            Trouble::Broken => std::io::ErrorKind::Other,
            Trouble::Missing => std::io::ErrorKind::NotFound,
        };
        Self::from(kind)
    }
}

/// What is planned for a store.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan {
    /// After how many calls what happens.
    next: Option<(u32, Fault)>,
    /// Whether anything of it has happened.
    struck: bool,
    dead: bool,
}

impl Plan {
    pub(crate) const fn new(after: u32, fault: Fault) -> Self {
        Self { next: Some((after, fault)), struck: false, dead: false }
    }

    pub(crate) const fn dead() -> Self {
        Self { next: None, struck: true, dead: true }
    }

    pub(crate) const fn is_dead(&self) -> bool {
        self.dead
    }

    pub(crate) const fn has_struck(&self) -> bool {
        self.struck
    }

    /// One more call that changes something; `grows` when it needs room.
    pub(crate) fn call(&mut self, grows: bool) -> Result<(), Trouble> {
        if self.dead {
            return Err(Trouble::Broken);
        }
        let Some((after, fault)) = self.next else { return Ok(()) };
        if after > 0 {
            self.next = Some((after - 1, fault));
            return Ok(());
        }
        let (left, trouble) = match fault {
            Fault::Death => {
                self.dead = true;
                (None, Trouble::Broken)
            }
            Fault::Full(_) if !grows => return Ok(()),
            Fault::Full(times) => (times.checked_sub(1).map(Fault::Full), Trouble::Full),
            Fault::Broken(times) => (times.checked_sub(1).map(Fault::Broken), Trouble::Broken),
        };
        self.struck = true;
        let goes_on = !matches!(left, Some(Fault::Full(0) | Fault::Broken(0)));
        self.next = left.filter(|_| goes_on).map(|fault| (0, fault));
        Err(trouble)
    }
}
