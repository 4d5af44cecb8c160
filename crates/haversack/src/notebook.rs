//! The notebook: an engine behind a lock, and the network beside it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use haversack_core::model::{Client, Day, Line, Quantity, Site, SpaceName};
use haversack_core::{
    Bind, BundleOutcome, ClientId, ClientRow, ContactDraft, ContactFilter, ContactId, ContactRow,
    CreateOptions, Engine, Erasure, Member, OpenOptions, Passphrase, Quarantined, Random,
    RelayAddress, Role, Saved, Status, Words,
};
use haversack_memory::in_clean_frame;
use haversack_report::{Period, Report};
use rand_core::UnwrapErr;
use tokio::time::Instant;

use crate::Error;
use crate::network::Network;

/// One device's records. Cheap to clone; all clones are the same notebook.
#[derive(Debug, Clone)]
pub struct Notebook {
    pub(crate) shared: Arc<Shared>,
    /// Whether what is done with it is nobody's use of the store, which would keep it from locking.
    is_background: bool,
}

/// What the clones of a notebook share.
#[derive(Debug)]
pub(crate) struct Shared {
    engine: Mutex<Option<Engine>>,
    /// When this store, or a space of it, was last used.
    used: Arc<Mutex<Instant>>,
    /// The further spaces that are open.
    pub(crate) spaces: Mutex<BTreeMap<SpaceName, Notebook>>,
    /// Between this store, with its spaces, and any relay.
    network: Arc<Mutex<Network>>,
}

pub(crate) fn system_random() -> Random {
    Box::new(UnwrapErr(getrandom::SysRng))
}

impl Drop for Shared {
    fn drop(&mut self) {
        let engine = self.engine.get_mut().unwrap_or_else(PoisonError::into_inner);
        in_clean_frame(|| drop(engine.take()));
    }
}

impl Shared {
    pub(crate) fn engine(&self) -> MutexGuard<'_, Option<Engine>> {
        // A panic while the lock was held left nothing half-saved: every input is one transaction.
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How relays are reached.
    pub(crate) fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that it was used just now.
    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// The further spaces that are open.
    pub(crate) fn spaces(&self) -> MutexGuard<'_, BTreeMap<SpaceName, Notebook>> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks what nobody has used for so long, spaces first; otherwise says when to look again. `None` when it is locked.
    pub(crate) fn lock_if_idle(&self, idle: Duration) -> Option<Duration> {
        let spaces: Vec<_> = self.spaces().values().cloned().collect();
        if let Some(left) = spaces.iter().find_map(|space| space.shared.lock_if_idle(idle)) {
            return Some(left);
        }
        let mut engine = match self.engine.try_lock() {
            Ok(engine) => engine,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody uses it this moment.
            Err(TryLockError::WouldBlock) => return Some(idle),
        };
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let left = idle.checked_sub(used.elapsed()).filter(|left| !left.is_zero());
        if left.is_none() {
            in_clean_frame(|| drop(engine.take()));
        }
        left.filter(|_| engine.is_some())
    }
}

impl Notebook {
    /// Makes a store in an empty or new folder.
    ///
    /// # Errors
    /// [`haversack_core::Error::WeakPassphrase`], [`haversack_core::Error::StoreExists`], and the errors of writing.
    pub fn create(
        folder: &Path,
        passphrase: &Passphrase,
        options: CreateOptions<'_>,
    ) -> Result<Self, Error> {
        in_clean_frame(|| Engine::create(folder, passphrase, options, system_random()))
            .map(Self::over)
            .map_err(Error::from)
    }

    /// Opens a store. After many wrong attempts it first waits, for up to a quarter of an hour.
    ///
    /// # Errors
    /// As [`Notebook::open_with`].
    pub fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, Error> {
        Self::open_with(folder, passphrase, None, std::thread::sleep)
    }

    /// Opens a store whose passphrase is bound to hardware, if there is any. `wait` is called with how long to wait
    /// before another attempt is taken, and must have waited when it returns.
    ///
    /// # Errors
    /// [`haversack_core::Error::WrongPassphrase`], `Hardware`, `NoStore`, `Wiped`, `Busy`, `Damaged`, `Newer`.
    pub fn open_with(
        folder: &Path,
        passphrase: &Passphrase,
        hardware: Option<&dyn Bind>,
        mut wait: impl FnMut(Duration),
    ) -> Result<Self, Error> {
        let mut waited = Duration::ZERO;
        loop {
            let options = OpenOptions { hardware, waited };
            let open = || Engine::open_with(folder, passphrase, options, system_random());
            match in_clean_frame(open) {
                Err(haversack_core::Error::TooSoon { wait: time }) if time > waited => {
                    wait(time);
                    waited = time;
                }
                opened => return opened.map(Self::over).map_err(Error::from),
            }
        }
    }

    /// A notebook over an engine that was opened otherwise, such as under a seed.
    #[must_use]
    pub fn over(engine: Engine) -> Self {
        Self::sharing(Arc::new(Mutex::new(Instant::now())), Arc::default(), engine)
    }

    fn sharing(used: Arc<Mutex<Instant>>, network: Arc<Mutex<Network>>, engine: Engine) -> Self {
        let (engine, spaces) = (Mutex::new(Some(engine)), Mutex::default());
        Self::of(Arc::new(Shared { engine, used, spaces, network }))
    }

    pub(crate) const fn of(shared: Arc<Shared>) -> Self {
        Self { shared, is_background: false }
    }

    /// The notebook of a space of this one: whoever uses either uses both.
    pub(crate) fn within(&self, engine: Engine) -> Self {
        Self::sharing(self.shared.used.clone(), self.shared.network.clone(), engine)
    }

    pub(crate) fn engine(&self) -> MutexGuard<'_, Option<Engine>> {
        self.shared.engine()
    }

    pub(crate) fn with<T>(
        &self,
        run: impl FnOnce(&mut Engine) -> Result<T, haversack_core::Error>,
    ) -> Result<T, Error> {
        let mut engine = self.engine();
        let engine = engine.as_mut().ok_or(Error::Closed)?;
        let done = in_clean_frame(|| run(engine)).map_err(Error::from);
        if !self.is_background {
            self.shared.touch();
        }
        done
    }

    /// The same notebook for what others bring about: a relay's news, a device beside this one. None of that keeps it from locking when
    /// idle.
    pub(crate) fn in_background(&self) -> Self {
        Self { is_background: true, ..self.clone() }
    }

    /// Founds a space with this device as its first coordinator.
    ///
    /// # Errors
    /// `InSpace`, and the errors of saving.
    pub fn found_space(&self) -> Result<(), Error> {
        self.with(Engine::found_space)
    }

    /// Makes the text that an admin's `invite` takes.
    ///
    /// # Errors
    /// `InSpace`, and the errors of saving.
    pub fn request_to_join(&self) -> Result<String, Error> {
        self.with(Engine::request_to_join)
    }

    /// The request that waits for its answer, if there is one.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn pending_request(&self) -> Result<Option<String>, Error> {
        self.with(|engine| Ok(engine.pending_request()))
    }

    /// Takes the request back: no answer to it is of use any more. [`Notebook::forget_request_after`] does so by itself.
    ///
    /// # Errors
    /// `Unknown` when there is none, and the errors of saving.
    pub fn forget_request(&self) -> Result<(), Error> {
        self.with(Engine::forget_request)
    }

    /// Answers a request to join: the text for the new device, and six words to compare with it.
    ///
    /// # Errors
    /// `Enrolment`, `NotAllowed`, and the errors of saving.
    pub fn invite(
        &self,
        request: &str,
        role: Role,
        relays: &[RelayAddress],
    ) -> Result<(String, Words), Error> {
        self.with(|engine| engine.invite(request, role, relays))
    }

    /// Takes the answer to this device's request; gives the six words.
    ///
    /// # Errors
    /// `Enrolment`, `InSpace`, and the errors of saving.
    pub fn join(&self, answer: &str) -> Result<Words, Error> {
        self.with(|engine| engine.join(answer))
    }

    /// The members of the space.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        self.with(|engine| engine.members())
    }

    /// The relays that the space names.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn relays(&self) -> Result<Vec<RelayAddress>, Error> {
        self.with(|engine| engine.relays())
    }

    /// Adds or changes a site.
    ///
    /// # Errors
    /// `NoSpace`, and the errors of saving.
    pub fn put_site(&self, site: &Site) -> Result<(), Error> {
        self.with(|engine| engine.put_site(site))
    }

    /// Every site, in order of code.
    ///
    /// # Errors
    /// The errors of reading.
    pub fn sites(&self) -> Result<Vec<Site>, Error> {
        self.with(|engine| engine.sites())
    }

    /// Opens client files.
    ///
    /// # Errors
    /// `NoSpace`, and the errors of saving.
    pub fn add_clients(&self, clients: &[Client]) -> Result<Vec<ClientId>, Error> {
        self.with(|engine| engine.add_clients(clients)).map(|Saved(ids)| ids)
    }

    /// Every client file here, in order of label.
    ///
    /// # Errors
    /// The errors of reading.
    pub fn clients(&self) -> Result<Vec<ClientRow>, Error> {
        self.with(|engine| engine.clients())
    }

    /// Erases a client's file, on this device at once, on every other one with its next sync. Nothing takes it back. Contacts
    /// stay; whom they were with nobody can tell any more.
    ///
    /// # Errors
    /// `Unknown`, `NotAllowed`, `NoSpace`, and the errors of saving.
    pub fn erase_client(&self, client: ClientId) -> Result<(), Error> {
        self.with(|engine| engine.erase_client(client))
    }

    /// Every erased client, and how many members have said that the erasure came to them.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn erasures(&self) -> Result<Vec<Erasure>, Error> {
        self.with(|engine| engine.erasures())
    }

    /// Logs contacts of one day. When it returns, they survive a power cut.
    ///
    /// # Errors
    /// `Unknown` for a site or a client, `NoSpace`, `Full`, and the errors of saving. Nothing is saved then.
    pub fn log(&self, day: Day, contacts: &[ContactDraft]) -> Result<Vec<ContactId>, Error> {
        self.with(|engine| engine.log(day, contacts)).map(|Saved(ids)| ids)
    }

    /// Corrects the quantity of one line of a contact.
    ///
    /// # Errors
    /// `Unknown`, and the errors of saving.
    pub fn correct(
        &self,
        contact: &ContactId,
        line: &Line,
        quantity: Quantity,
    ) -> Result<(), Error> {
        self.with(|engine| engine.correct(contact, line, quantity))
    }

    /// Contacts, newest day first.
    ///
    /// # Errors
    /// The errors of reading.
    pub fn contacts(&self, filter: &ContactFilter) -> Result<Vec<ContactRow>, Error> {
        self.with(|engine| engine.contacts(filter))
    }

    /// Where this store stands.
    ///
    /// # Errors
    /// The errors of reading.
    pub fn status(&self) -> Result<Status, Error> {
        self.with(|engine| engine.status())
    }

    /// What was refused, and why: on whose lane, at which place.
    ///
    /// # Errors
    /// `Locked`.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, Error> {
        self.with(|engine| Ok(engine.quarantined()))
    }

    /// The canonical content: equal bytes on devices that hold the same records.
    ///
    /// # Errors
    /// `Damaged`.
    pub fn canonical(&self) -> Result<Vec<u8>, Error> {
        self.with(Engine::canonical)
    }

    /// The report of a period.
    ///
    /// # Errors
    /// The errors of reading.
    pub fn report(&self, period: &Period) -> Result<Report, Error> {
        let filter =
            ContactFilter { from: Some(period.from()), to: Some(period.to()), newest: None };
        self.with(|engine| Ok(Report::new(period, &engine.contacts(&filter)?, &engine.clients()?)))
    }

    /// Writes a bundle: everything of this device that is not acknowledged, and what it carries for others. A device that was
    /// removed writes what it knows of the team and no records.
    ///
    /// # Errors
    /// `NoSpace`, and the errors of saving.
    pub fn export_bundle(&self) -> Result<Vec<u8>, Error> {
        self.with(|engine| match engine.export_bundle() {
            Err(haversack_core::Error::Removed) => engine.export_roster(),
            written => written,
        })
    }

    /// Takes a bundle.
    ///
    /// # Errors
    /// `Wire` when it is none, `Foreign` when nothing in it is for this space.
    pub fn import_bundle(&self, bytes: &[u8]) -> Result<BundleOutcome, Error> {
        self.with(|engine| engine.import_bundle(bytes))
    }

    /// Saves the snapshot for a fast unlock and closes the store, for every clone of this notebook; further spaces that are
    /// open are closed before it.
    ///
    /// # Errors
    /// [`Error::Closed`] when it is closed already, and the errors of saving; the records are safe all the same.
    pub fn close(&self) -> Result<(), Error> {
        let spaces = std::mem::take(&mut *self.shared.spaces());
        // One that was closed by itself is no failure, and one that could not save its snapshot has lost nothing.
        spaces.values().for_each(|space| drop(space.close()));
        in_clean_frame(|| self.engine().take().ok_or(Error::Closed)?.close().map_err(Error::from))
    }
}

/// Runs what touches the disk beside the reactor.
pub(crate) async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(run).await.map_err(|_| Error::Task)?
}
