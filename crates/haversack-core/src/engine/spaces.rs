//! Further spaces of this device: each is a whole store within this one, which keeps its key. A device that works for the
//! field team and for the clinic has an identity, a log and a view for each, and nothing passes between them by itself.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::Reader;
use haversack_wire::codec::{put_blob, put_varint};

use super::Engine;
use super::open::make_folder;
use crate::Error;
use crate::crypto::{Random, VaultKey, bytes};
use crate::model::SpaceName;
use crate::store::{
    Dropped, HeaderFiles, InnerId, Lock, Table, Vault, inner_folder, remove_inner, sync_folder,
};

/// The row of their names among the single values.
const SPACES: i64 = 33;
const SPACES_MAX: usize = 64;
const NAME_MAX: usize = 16;

impl Engine {
    /// The names of this store's further spaces.
    ///
    /// # Errors
    /// The errors of reading.
    pub fn spaces(&self) -> Result<Vec<SpaceName>, Error> {
        Ok(self.inner_ids()?.into_keys().collect())
    }

    /// Makes room for a further space: a store within this one, in no space yet. It opens with this store, is locked and
    /// wiped with it, and has keys of its own for everything else. The name stays in this store.
    ///
    /// # Errors
    /// [`Error::Inner`] within a further space, [`Error::Invalid`] for a name that another one has and beyond 64 of them, and the
    /// errors of saving.
    pub fn add_space(&mut self, name: &SpaceName, mut random: Random) -> Result<Self, Error> {
        self.check_first()?;
        let mut ids = self.inner_ids()?;
        if ids.contains_key(name) {
            return Err(Error::invalid("space name", "is that of another space of this store"));
        }
        if ids.len() >= SPACES_MAX {
            return Err(Error::invalid("spaces", format!("are limited to {SPACES_MAX} a store")));
        }
        // What a crash left behind has no key here, and nowhere else.
        remove_inner(self.db.folder(), |id| self.ring.inner().contains_key(id));
        let (id, key): (InnerId, _) = (bytes(&mut *random), VaultKey::make(&mut *random));
        let folder = inner_folder(self.db.folder(), &id);
        make_folder(&folder).map_err(Error::io("folder"))?;
        let vault = Vault::make_inner(HeaderFiles::in_folder(&folder), key.clone(), &mut *random);
        let mut engine = Self::fill(&folder, Lock::take(&folder)?, vault, random)?;
        engine.vault.write_new(&mut *engine.random)?;
        // The folder, and that there is one.
        for folder in folder.ancestors().take(3) {
            sync_folder(folder).map_err(Error::io("folder"))?;
        }
        ids.insert(name.clone(), id);
        self.save_inner(&ids, Some((id, key)))?;
        Ok(engine)
    }

    /// Opens a further space.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that is none, [`Error::Busy`] when it is open elsewhere, and the errors of opening.
    pub fn open_space(&self, name: &SpaceName, random: Random) -> Result<Self, Error> {
        let id = self.inner_id(name)?;
        let missing = || Error::damaged("keyring", "a further space has no key");
        let key = self.ring.inner().get(&id).cloned().ok_or_else(missing)?;
        let folder = inner_folder(self.db.folder(), &id);
        let files = HeaderFiles::in_folder(&folder);
        if !files.exist() {
            return Err(Error::damaged("further space", "its folder is gone"));
        }
        let lock = Lock::take(&folder)?;
        let vault = Vault::open_inner(files, key)?;
        Self::open_database(&folder, lock, vault, random)
    }

    /// Gives another name to a further space.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Invalid`] for a name that another one has, and the errors of saving.
    pub fn rename_space(&mut self, name: &SpaceName, new: &SpaceName) -> Result<(), Error> {
        let id = self.inner_id(name)?;
        let mut ids = self.inner_ids()?;
        if ids.contains_key(new) {
            return Err(Error::invalid("space name", "is that of another space of this store"));
        }
        ids.remove(name);
        ids.insert(new.clone(), id);
        self.save_inner(&ids, None)
    }

    /// Destroys a further space here, keys first: what it holds and nobody else has is lost. Its team is not told.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Busy`] while it is open, and the errors of saving.
    pub fn drop_space(&mut self, name: &SpaceName) -> Result<(), Error> {
        let id = self.inner_id(name)?;
        let folder = inner_folder(self.db.folder(), &id);
        let _lock = folder.exists().then(|| Lock::take(&folder)).transpose()?;
        self.drop_keys(&Dropped { inner: BTreeSet::from([id]), ..Dropped::default() })?;
        remove_inner(self.db.folder(), |id| self.ring.inner().contains_key(id));
        let mut ids = self.inner_ids()?;
        ids.remove(name);
        self.save_inner(&ids, None)
    }

    /// Refuses what only a store that opens by itself can do.
    pub(super) fn check_first(&self) -> Result<(), Error> {
        match self.vault.is_inner() {
            true => Err(Error::Inner),
            false => Ok(()),
        }
    }

    fn inner_id(&self, name: &SpaceName) -> Result<InnerId, Error> {
        self.inner_ids()?.get(name).copied().ok_or(Error::Unknown { what: "space" })
    }

    fn save_inner(
        &mut self,
        ids: &BTreeMap<SpaceName, InnerId>,
        new: Option<(InnerId, VaultKey)>,
    ) -> Result<(), Error> {
        let mut out = Vec::new();
        put_varint(&mut out, ids.len() as u64);
        for (name, id) in ids {
            put_blob(&mut out, name.as_str().as_bytes());
            out.extend_from_slice(id);
        }
        let key = self.state_key()?;
        let mut writer = self.db.write()?;
        writer.put_sealed(Table::Values, &key, SPACES, &out, &mut *self.random)?;
        let Some((id, vault)) = new else { return writer.commit() };
        self.ring.add_inner(id, vault, &mut writer, &mut *self.random)?;
        writer.commit().inspect_err(|_| self.ring.forget_inner(&id))
    }

    /// The further spaces whose keys are here.
    fn inner_ids(&self) -> Result<BTreeMap<SpaceName, InnerId>, Error> {
        let Some(bytes) = self.db.row(Table::Values, &self.state_key()?, SPACES)? else {
            return Ok(BTreeMap::new());
        };
        let mut r = Reader::new("spaces", &bytes);
        let mut ids = BTreeMap::new();
        for _ in 0..r.listed()? {
            let name = SpaceName::new(r.text(NAME_MAX)?)?;
            ids.insert(name, r.array()?);
        }
        r.end()?;
        ids.retain(|_, id| self.ring.inner().contains_key(id));
        Ok(ids)
    }
}

#[cfg(test)]
mod tests;
