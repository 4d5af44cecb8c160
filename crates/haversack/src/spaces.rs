//! Further spaces of a store: notebooks that open, lock and end with it.

use haversack_core::Owed;
use haversack_core::model::SpaceName;

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

    fn lock_space(&self, name: &SpaceName) {
        let open = self.shared.spaces().remove(name);
        open.iter().for_each(|space| drop(space.lock()));
    }
}

#[cfg(test)]
mod tests;
