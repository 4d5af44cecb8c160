//! Further spaces of a store, and what flows between them.

use std::sync::Arc;

use haversack::ContactDraft;
use haversack::model::SpaceName;

use crate::notebook::all;
use crate::team::device_text;
use crate::{HaversackError, NewContact, Notebook, Owed};

type Outcome<T> = Result<T, HaversackError>;

/// What came of carrying.
#[derive(Debug, uniffi::Record)]
pub struct CarryOutcome {
    /// Drops that are new there.
    pub taken: u64,
    /// Drops that were there.
    pub known: u64,
    /// Drops that do not open with any key that is held there, yet or any more.
    pub sealed: u64,
    /// Drops that are no good, or whose author may not.
    pub refused: u64,
}

#[uniffi::export]
impl Notebook {
    /// The id of the space that this notebook is in.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn space(&self) -> Outcome<String> {
        Ok(device_text(haversack::Device::new(self.0.space()?.to_bytes())))
    }

    /// The names of this store's further spaces.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn spaces(&self) -> Outcome<Vec<String>> {
        Ok(self.0.spaces()?.iter().map(ToString::to_string).collect())
    }

    /// Makes room for a further space, and opens it: a notebook like this one, in no space yet. It opens and locks with this one.
    ///
    /// # Errors
    /// `FixInput` for a name that is none or taken, and within a further space.
    pub fn add_space(&self, name: &str) -> Outcome<Arc<Self>> {
        Ok(Arc::new(Self(self.0.add_space(&SpaceName::new(name)?)?)))
    }

    /// Opens a further space. One that is open already is the same notebook.
    ///
    /// # Errors
    /// `FixInput` for a name that is none of this store's.
    pub fn open_space(&self, name: &str) -> Outcome<Arc<Self>> {
        Ok(Arc::new(Self(self.0.open_space(&SpaceName::new(name)?)?)))
    }

    /// Gives another name to a further space. It is locked where it is open.
    ///
    /// # Errors
    /// As [`Notebook::add_space`].
    pub fn rename_space(&self, name: &str, new: &str) -> Outcome<()> {
        Ok(self.0.rename_space(&SpaceName::new(name)?, &SpaceName::new(new)?)?)
    }

    /// Destroys a further space on this device. What it holds and nobody else has is lost; its team is not told.
    ///
    /// # Errors
    /// As [`Notebook::open_space`].
    pub fn drop_space(&self, name: &str) -> Outcome<()> {
        Ok(self.0.drop_space(&SpaceName::new(name)?)?)
    }

    /// Gives up a further space, as [`Notebook::hand_over`] does a store.
    ///
    /// # Errors
    /// As [`Notebook::open_space`] and [`Notebook::hand_over`]: it is as it was then.
    pub fn hand_over_space(&self, name: &str, settled: Owed) -> Outcome<()> {
        Ok(self.0.hand_over_space(&SpaceName::new(name)?, &settled.into())?)
    }

    /// The names of this space's drop-boxes: what is put into one opens to the members of another space.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn drop_boxes(&self) -> Outcome<Vec<String>> {
        Ok(self.0.drop_boxes()?.iter().map(ToString::to_string).collect())
    }

    /// Opens a drop-box here, under a name, for another space that this device is in.
    ///
    /// # Errors
    /// `AskCoordinator` unless this device is a coordinator of both, `FixInput` for a name that is none or taken.
    pub fn open_drop_box(&self, name: &str, target: &Self) -> Outcome<()> {
        Ok(self.0.open_drop_box(&SpaceName::new(name)?, &target.0)?)
    }

    /// Writes contacts of one day for those who read a drop-box. This device shows them never again.
    ///
    /// # Errors
    /// As [`Notebook::log`], and `FixInput` for a drop-box that is not known here; nothing is saved then.
    pub fn drop_contacts(&self, into: &str, day: &str, contacts: &[NewContact]) -> Outcome<()> {
        let contacts: Vec<_> = all(contacts.iter().map(ContactDraft::try_from))?;
        Ok(self.0.drop_contacts(&SpaceName::new(into)?, day.parse()?, &contacts)?)
    }

    /// Carries what was dropped in one space of this store for another of it. Sync each of them before and after.
    ///
    /// # Errors
    /// `Unlock`, `FreeSpace`, `ReportFault`.
    pub fn carry(&self) -> Outcome<CarryOutcome> {
        let haversack::CarryOutcome { taken, known, sealed, refused, .. } = self.0.carry()?;
        Ok(CarryOutcome { taken, known, sealed, refused })
    }
}
