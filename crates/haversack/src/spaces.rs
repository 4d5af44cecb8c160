//! Further spaces of a store: notebooks that open, lock and end with it.

use haversack_core::model::{Day, SpaceName};
use haversack_core::{CarryOutcome, ContactDraft, Error as EngineError, Owed, Saved};

use crate::notebook::system_random;
use crate::{Error, Notebook};

impl Notebook {
    /// The names of this store's further spaces.
    ///
    /// # Errors
    /// The errors of reading.
    pub fn spaces(&self) -> Result<Vec<SpaceName>, Error> {
        self.with(|engine| engine.spaces())
    }

    /// Makes room for a further space, and opens it: then it founds one, or asks to join one, like a new store.
    ///
    /// # Errors
    /// `Inner` within a further space, `Invalid` for a name that another one has, and the errors of saving.
    pub fn add_space(&self, name: &SpaceName) -> Result<Self, Error> {
        let mut open = self.shared.spaces();
        let engine = self.with(|engine| engine.add_space(name, system_random()))?;
        let space = self.within(engine);
        open.insert(name.clone(), space.clone());
        Ok(space)
    }

    /// Opens a further space. One that is open already is the same notebook.
    ///
    /// # Errors
    /// `Unknown` for a name that is none, and the errors of opening.
    pub fn open_space(&self, name: &SpaceName) -> Result<Self, Error> {
        let mut open = self.shared.spaces();
        if let Some(space) = open.get(name).filter(|space| space.engine().is_some()) {
            return Ok(space.clone());
        }
        let engine = self.with(|engine| engine.open_space(name, system_random()))?;
        let space = self.within(engine);
        open.insert(name.clone(), space.clone());
        Ok(space)
    }

    /// Gives another name to a further space. It is locked where it is open.
    ///
    /// # Errors
    /// `Unknown`, `Invalid` for a name that another one has, and the errors of saving.
    pub fn rename_space(&self, name: &SpaceName, new: &SpaceName) -> Result<(), Error> {
        self.lock_space(name);
        self.with(|engine| engine.rename_space(name, new))
    }

    /// Destroys a further space here, and locks it first. What it holds and nobody else has is lost; its team is not told.
    ///
    /// # Errors
    /// `Unknown`, and the errors of saving.
    pub fn drop_space(&self, name: &SpaceName) -> Result<(), Error> {
        self.lock_space(name);
        self.with(|engine| engine.drop_space(name))
    }

    /// Gives up a further space, as [`Notebook::hand_over`] does a store.
    ///
    /// # Errors
    /// `Unknown`, `Owed`, `RootKept`, and the errors of saving: it is as it was then.
    pub fn hand_over_space(&self, name: &SpaceName, settled: &Owed) -> Result<(), Error> {
        self.open_space(name)?.check_owed(settled)?;
        self.drop_space(name)
    }

    /// The names of this space's drop-boxes: what is put into one opens to the members of another space.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn drop_boxes(&self) -> Result<Vec<SpaceName>, Error> {
        self.with(|engine| engine.drop_boxes())
    }

    /// Opens a drop-box here, under a name, for another space that this device is in: members of this one write for it and do not
    /// read it. Takes a coordinator of both.
    ///
    /// # Errors
    /// `NotAllowed`, `Invalid` for the name of another drop-box, and the errors of saving.
    pub fn open_drop_box(&self, name: &SpaceName, target: &Self) -> Result<(), Error> {
        let root = self.with(|engine| engine.first_root())?;
        target.with(|engine| engine.take_drops_of(&root))?;
        let key = target.with(|engine| engine.drop_box())?;
        self.with(|engine| engine.open_drop_box(name, &key)).map(drop)
    }

    /// Writes contacts of one day for those who read a drop-box. This device shows them never again.
    ///
    /// # Errors
    /// `Unknown` for a drop-box, a site or a client that is not here; `NotAllowed`; and the errors of saving. Nothing is saved
    /// then.
    pub fn drop_contacts(
        &self,
        into: &SpaceName,
        day: Day,
        contacts: &[ContactDraft],
    ) -> Result<(), Error> {
        self.with(|engine| engine.drop_contacts(into, day, contacts)).map(|Saved(())| ())
    }

    /// Carries what was dropped in one space of this store for another of it, and names new keys of drop-boxes. Of a space that
    /// is in no team yet, or that takes no drops, nothing is carried.
    ///
    /// # Errors
    /// The errors of reading and saving.
    pub fn carry(&self) -> Result<CarryOutcome, Error> {
        let further = self.spaces()?.into_iter().map(|name| self.open_space(&name));
        let all: Vec<Self> =
            std::iter::once(Ok(self.clone())).chain(further).collect::<Result<_, _>>()?;
        let mut sum = CarryOutcome::default();
        for (m, from) in all.iter().enumerate() {
            for to in all.iter().enumerate().filter(|(n, _)| *n != m).map(|(_, to)| to) {
                match from.carry_to(to) {
                    Ok(outcome) => sum.add(&outcome),
                    Err(Error::Engine(
                        EngineError::NoSpace
                        | EngineError::NotAllowed { .. }
                        | EngineError::Removed,
                    )) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(sum)
    }

    fn carry_to(&self, to: &Self) -> Result<CarryOutcome, Error> {
        let target = to.with(|engine| engine.drop_box())?;
        self.with(|engine| engine.renew_drop_box(&target))?;
        let dropped = self.with(|engine| engine.dropped_for(&target.space))?;
        if dropped.is_empty() {
            return Ok(CarryOutcome::default());
        }
        let outcome = to.with(|engine| engine.carry(&dropped))?;
        self.with(|engine| engine.let_go(&outcome))?;
        Ok(outcome)
    }

    fn lock_space(&self, name: &SpaceName) {
        let open = self.shared.spaces().remove(name);
        open.iter().for_each(|space| drop(space.lock()));
    }
}

#[cfg(test)]
mod tests;
