//! The disk of a thread.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::fault::{Fault, Plan, Trouble};
use crate::file::File;

thread_local! {
    static DISK: RefCell<Disk> = RefCell::default();
}

/// Does something with this thread's disk. Not within itself.
pub fn with<T>(work: impl FnOnce(&mut Disk) -> T) -> T {
    DISK.with_borrow_mut(work)
}

/// The files of many stores, and what is planned for each.
#[derive(Debug, Default)]
pub struct Disk {
    files: BTreeMap<String, File>,
    plans: BTreeMap<String, Plan>,
    /// Calls that changed something, of all stores.
    pub calls: u64,
    /// Calls that made something durable.
    pub syncs: u64,
}

/// The files of one store, as they were: a backup, or what a copy is made from.
#[derive(Debug, Clone, Default)]
pub struct Image(BTreeMap<String, File>);

fn store_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

impl Disk {
    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Lets something happen to a store after so many calls that change something.
    pub fn plan(&mut self, store: &str, after: u32, fault: Fault) {
        self.plans.insert(store.to_owned(), Plan::new(after, fault));
    }

    /// Nothing is planned for a store any more. Says whether anything has happened.
    pub fn mend(&mut self, store: &str) -> bool {
        self.plans.remove(store).is_some_and(|plan| plan.has_struck())
    }

    /// Whether anything that was planned for a store has happened.
    #[must_use]
    pub fn has_struck(&self, store: &str) -> bool {
        self.plans.get(store).is_some_and(Plan::has_struck)
    }

    /// Whether a store's process is dead.
    #[must_use]
    pub fn is_dead(&self, store: &str) -> bool {
        self.plans.get(store).is_some_and(Plan::is_dead)
    }

    /// From here on nothing of a store works: so its process leaves no trace when it is dropped.
    pub fn kill(&mut self, store: &str) {
        self.plans.insert(store.to_owned(), Plan::dead());
    }

    /// What was not synced of a store is dropped, torn or reordered, as `below` decides: it gives a number below its own.
    pub fn power_cut(&mut self, store: &str, below: &mut dyn FnMut(usize) -> usize) {
        self.of(store).for_each(|(_, file)| file.power_cut(below));
    }

    /// A copy of a store's files.
    #[must_use]
    pub fn image(&mut self, store: &str) -> Image {
        let name = |path: &str| path.get(store.len()..).unwrap_or_default().to_owned();
        Image(self.of(store).map(|(path, file)| (name(path), file.copied())).collect())
    }

    /// Puts a copy in place of a store's files.
    pub fn restore(&mut self, store: &str, image: &Image) {
        self.files.retain(|path, _| store_of(path) != store);
        let files = image.0.iter().map(|(name, file)| (format!("{store}{name}"), file.clone()));
        self.files.extend(files);
    }

    fn of<'a>(&'a mut self, store: &'a str) -> impl Iterator<Item = (&'a String, &'a mut File)> {
        self.files.iter_mut().filter(move |(path, _)| store_of(path) == store)
    }

    /// Whether there is such a file.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The length of a file.
    ///
    /// # Errors
    /// [`Trouble::Missing`].
    pub fn len(&self, path: &str) -> Result<usize, Trouble> {
        self.files.get(path).map(File::len).ok_or(Trouble::Missing)
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn read(&self, path: &str) -> Result<&[u8], Trouble> {
        match self.is_dead(store_of(path)) {
            true => Err(Trouble::Broken),
            false => self.files.get(path).map(File::bytes).ok_or(Trouble::Missing),
        }
    }

    /// Makes a file, if there is none.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn create(&mut self, path: &str) -> Result<(), Trouble> {
        if !self.exists(path) {
            self.call(path, true)?;
            self.files.insert(path.to_owned(), File::default());
        }
        Ok(())
    }

    /// Writes, at a place; durable only once synced.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn write(&mut self, path: &str, at: usize, bytes: &[u8]) -> Result<(), Trouble> {
        let was_dead = self.is_dead(store_of(path));
        let grows = self.len(path)? < at + bytes.len();
        let called = self.call(path, grows);
        let dies = !was_dead && self.is_dead(store_of(path));
        let file = self.files.get_mut(path).ok_or(Trouble::Missing)?;
        match called {
            Ok(()) => file.write(at, bytes),
            Err(_) if dies => file.half_write(at, bytes),
            Err(_) => {}
        }
        called
    }

    /// Cuts or lengthens a file.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn set_len(&mut self, path: &str, len: usize) -> Result<(), Trouble> {
        self.call(path, self.len(path)? < len)?;
        self.files.get_mut(path).ok_or(Trouble::Missing)?.set_len(len);
        Ok(())
    }

    /// Makes durable what was written to a file.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn sync(&mut self, path: &str) -> Result<(), Trouble> {
        self.call(path, false)?;
        self.syncs += 1;
        self.files.get_mut(path).ok_or(Trouble::Missing)?.sync();
        Ok(())
    }

    /// Removes a file.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn remove(&mut self, path: &str) -> Result<(), Trouble> {
        self.call(path, false)?;
        self.files.remove(path).map(drop).ok_or(Trouble::Missing)
    }

    fn call(&mut self, path: &str, grows: bool) -> Result<(), Trouble> {
        self.calls += 1;
        match self.plans.get_mut(store_of(path)) {
            Some(plan) => plan.call(grows),
            None => Ok(()),
        }
    }
}
