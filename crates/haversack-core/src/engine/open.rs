//! Creating, opening and closing a store.

use std::path::Path;

use haversack_wire::limits::RAW_MAX;
use haversack_wire::{Document, Reader};
use zeroize::Zeroizing;

use super::documents::Documents;
use super::kept::{KeptBody, KeptFrame, Waiting};
use super::log::{Index, Row, RowHead, RowKind};
use super::state::{DeviceState, Mark, SpaceState, value};
use super::{CreateOptions, Engine, OpenOptions};
use crate::Error;
use crate::compress::Reuse;
use crate::crypto::{Passphrase, Random};
use crate::members::Identity;
use crate::seeded::{Bug, seeded};
use crate::store::{
    DATABASE, Db, HeaderFiles, Keyring, Live, Lock, Log, Purpose, Secret, Step, Table, Vault,
    files, place, remove_database, sync_folder, wipe_up_to,
};
use crate::view::{Source, View};

/// What creating a store makes, beside the database.
const FILES: [&str; 3] = ["key.a", "key.b", "lock"];

/// Makes the folder for its owner alone: whoever can read the header can guess at the passphrase.
pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl Engine {
    /// Makes a store in an empty or new folder. It is in no space yet.
    ///
    /// # Errors
    /// [`Error::WeakPassphrase`], [`Error::StoreExists`], [`Error::Busy`], [`Error::Hardware`], [`Error::Full`],
    /// [`Error::Io`].
    pub fn create(
        folder: &Path,
        passphrase: &Passphrase,
        options: CreateOptions<'_>,
        mut random: Random,
    ) -> Result<Self, Error> {
        options.check(passphrase)?;
        let files = HeaderFiles::in_folder(folder);
        if files.is_buried() {
            wipe_up_to(folder, Step::Done, &mut *random)?;
        }
        if files.exist() || folder.join("data.db").exists() {
            return Err(Error::StoreExists);
        }
        make_folder(folder).map_err(Error::io("folder"))?;
        let made = Self::create_in(folder, passphrase, options, random);
        if made.as_ref().is_err_and(|error| !matches!(error, Error::Busy)) {
            // Nothing was ever saved in what this call itself has just made.
            let names = FILES.iter().chain(&DATABASE);
            names.for_each(|name| drop(std::fs::remove_file(folder.join(name))));
        }
        made
    }

    fn create_in(
        folder: &Path,
        passphrase: &Passphrase,
        options: CreateOptions<'_>,
        mut random: Random,
    ) -> Result<Self, Error> {
        let lock = Lock::take(folder)?;
        let secret = Secret { passphrase, hardware: options.hardware };
        let cost = (options.cost, options.wipe_after);
        let vault = Vault::make(HeaderFiles::in_folder(folder), secret, cost, &mut *random)?;
        let mut engine = Self::fill(folder, lock, vault, random)?;
        engine.vault.write_new(&mut *engine.random)?;
        sync_folder(folder).map_err(Error::io("folder"))?;
        Ok(engine)
    }

    /// Makes the database of a new store.
    pub(super) fn fill(
        folder: &Path,
        lock: Lock,
        vault: Vault,
        mut random: Random,
    ) -> Result<Self, Error> {
        let mut db = Db::open(folder, lock)?;
        let identity = Identity::make(&mut *random);
        let device = DeviceState::new(identity, place(folder));
        let mut writer = db.write()?;
        let ring = Keyring::make(vault.keyring_key().clone(), &mut writer, &mut *random)?;
        let state_key = *ring.purpose(Purpose::State)?.expose();
        let identity = device.encode();
        writer.put_sealed(Table::Values, &state_key, value::IDENTITY, &identity, &mut *random)?;
        writer.commit()?;
        Self::assemble((db, vault, ring), device, None, Mark::default(), random)
    }

    /// Opens a store.
    ///
    /// # Errors
    /// As [`Engine::open_with`].
    pub fn open(folder: &Path, passphrase: &Passphrase, random: Random) -> Result<Self, Error> {
        Self::open_with(folder, passphrase, OpenOptions::default(), random)
    }

    /// Opens a store, with its passphrase or with the words of its recovery code.
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::Busy`], [`Error::TooSoon`]: nothing was tried. [`Error::WrongPassphrase`],
    /// [`Error::Hardware`] when the hardware failed and nothing opens without. [`Error::Wiped`], when too many
    /// attempts were wrong, or a wipe was begun before and is finished now. [`Error::Damaged`], [`Error::Newer`]: the
    /// store is left as it was.
    pub fn open_with(
        folder: &Path,
        passphrase: &Passphrase,
        options: OpenOptions<'_>,
        mut random: Random,
    ) -> Result<Self, Error> {
        let files = HeaderFiles::in_folder(folder);
        if !files.exist() {
            return Err(Error::NoStore);
        }
        let lock = Lock::take(folder)?;
        let secret = Secret { passphrase, hardware: options.hardware };
        let unlocked = Vault::unlock(files, secret, options.waited, &mut *random);
        if matches!(unlocked, Err(Error::Wiped)) {
            wipe_up_to(folder, Step::Done, &mut *random)?;
        }
        let vault = unlocked?;
        match vault.live() {
            Live::Renew => Self::renew(folder, lock, vault, random),
            Live::First | Live::Second => Self::open_database(folder, lock, vault, random),
        }
    }

    /// After duress: makes the database anew, unless that was done before.
    fn renew(
        folder: &Path,
        lock: Lock,
        mut vault: Vault,
        mut random: Random,
    ) -> Result<Self, Error> {
        let is_renewed = match Db::open(folder, lock) {
            Ok(db) => {
                let rows = db.rows(Table::Keys, vault.keyring_key().expose());
                rows.is_ok_and(|rows| !rows.is_empty())
            }
            Err(_) => false,
        };
        let lock = Lock::take(folder)?;
        if is_renewed {
            vault.turn_to(Live::First, vault.keyring_key().clone(), &mut *random)?;
            return Self::open_database(folder, lock, vault, random);
        }
        remove_database(folder, &mut *random);
        let engine = Self::fill(folder, lock, vault, random)?;
        sync_folder(folder).map_err(Error::io("folder"))?;
        Ok(engine)
    }

    pub(super) fn open_database(
        folder: &Path,
        lock: Lock,
        vault: Vault,
        random: Random,
    ) -> Result<Self, Error> {
        if !files::exists(&folder.join("data.db")) {
            return Err(Error::damaged("database", "it is gone"));
        }
        let db = Db::open(folder, lock)?;
        let (live, keyring_key) = (vault.live(), vault.keyring_key().clone());
        let rows = db.rows(Keyring::table(live), keyring_key.expose())?.into_iter();
        let rows: Vec<_> = rows.map(|(_, row)| Zeroizing::new(row)).collect();
        let ring = Keyring::load(live, keyring_key, &rows)?;
        let key = *ring.purpose(Purpose::State)?.expose();
        let missing = Error::damaged("state", "the identity is missing");
        let device =
            DeviceState::decode(&db.row(Table::Values, &key, value::IDENTITY)?.ok_or(missing)?)?;
        let space = match db.row(Table::Values, &key, value::SPACE)? {
            None => None,
            Some(space) => {
                let lanes = db.row(Table::Values, &key, value::LANES)?.unwrap_or(vec![0]);
                let relays = db.row(Table::Values, &key, value::RELAYS)?.unwrap_or(vec![0, 0]);
                let packs = db.row(Table::Values, &key, value::PACKS)?;
                let mut space = SpaceState::decode(&space, &lanes, &relays, ring.epochs())?;
                space.decode_packs(packs.as_deref(), ring.packs())?;
                Some(space)
            }
        };
        let mark = match db.row(Table::Values, &key, value::MARK)? {
            None => Mark::default(),
            Some(bytes) => Mark::decode(&bytes)?.after_crash(),
        };
        let mut engine = Self::assemble((db, vault, ring), device, space, mark, random)?;
        engine.clear_other_half()?;
        engine.check_place(place(folder))?;
        engine.mend_at_opening()?;
        // What was cut off is gone on with. If that fails now, whatever comes or goes next tries again.
        drop(engine.let_go_of_erased());
        Ok(engine)
    }

    fn assemble(
        (db, vault, ring): (Db, Vault, Keyring),
        device: DeviceState,
        space: Option<SpaceState>,
        mark: Mark,
        random: Random,
    ) -> Result<Self, Error> {
        let mut engine = Self {
            db,
            vault,
            ring,
            random,
            device,
            space,
            mark,
            index: Index::default(),
            documents: Documents::default(),
            bodies: Default::default(),
            caches: Default::default(),
            client_keys: Default::default(),
            strangers: Default::default(),
            waiting: Waiting::default(),
            looked: Default::default(),
            unnamed: Default::default(),
            erasing: Default::default(),
            view: View::empty()?,
            view_is_due: false,
        };
        engine.load_index()?;
        engine.load_caches()?;
        engine.load_bodies()?;
        engine.load_frames()?;
        engine.load_view()?;
        Ok(engine)
    }

    pub(super) fn load_index(&mut self) -> Result<(), Error> {
        let key = self.state_key()?;
        for (id, head) in self.db.heads(Log::Changes, &key)? {
            let head = RowHead::decode(&head)?;
            self.index.add(Row { id, head });
            if head.kind == RowKind::Carried {
                self.know_stranger(id, &head)?;
            }
        }
        if let Some(space) = &self.space {
            self.index.note_packs(&space.lanes);
        }
        let documents: Vec<Document> = self.index.documents().map(|(id, _)| *id).collect();
        for id in documents {
            let key = self.first_key(&id)?;
            self.client_keys.extend(key.map(|key| (id, key)));
        }
        Ok(())
    }

    fn load_bodies(&mut self) -> Result<(), Error> {
        let key = self.outbox_key()?;
        for (row, kept) in self.db.rows(Table::Bodies, &key)? {
            let body = KeptBody::decode(&kept)?;
            self.bodies.insert(body.sequence, body.kept(row));
        }
        Ok(())
    }

    fn load_frames(&mut self) -> Result<(), Error> {
        let key = self.outbox_key()?;
        for (id, bytes) in self.db.rows(Table::Frames, &key)? {
            self.waiting.keep(id, KeptFrame::decode(&bytes)?);
        }
        Ok(())
    }

    /// Takes the snapshot, then shows what came into the log after it. Without a usable snapshot
    /// everything is shown anew.
    fn load_view(&mut self) -> Result<(), Error> {
        let upto = self.load_snapshot()?;
        if upto > 0 && seeded(Bug::ViewBehindLog) {
            return Ok(());
        }
        let changed: Vec<Document> = self
            .index
            .documents()
            .filter(|(_, entry)| entry.rows.iter().any(|row| row.id > upto))
            .map(|(document, _)| *document)
            .collect();
        self.show_again(&changed)
    }

    fn load_snapshot(&mut self) -> Result<i64, Error> {
        let key = *self.ring.purpose(Purpose::Snapshot)?.expose();
        let Ok(rows) = self.db.rows(Table::Snapshot, &key) else {
            return Ok(0);
        };
        let mut bytes = Vec::new();
        rows.iter().for_each(|(_, part)| bytes.extend_from_slice(part));
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut r = Reader::new("snapshot", &bytes);
        let upto = r.u64().unwrap_or_default() as i64;
        match View::load(r.rest()) {
            Ok(view) => {
                self.view = view;
                Ok(upto)
            }
            Err(_) => Ok(0),
        }
    }

    /// Shows documents as the log has them.
    pub(super) fn show_again(&mut self, documents: &[Document]) -> Result<(), Error> {
        const BATCH: usize = 256;
        let _reuse = Reuse::begin();
        let authors = self.authors();
        for batch in documents.chunks(BATCH) {
            let mut records = Vec::new();
            for id in batch {
                let document = self.shown(id, self.rebuild_document(id)?)?;
                records.push((*id, self.record(id, &document)));
            }
            let source = Source { authors: &authors, client_keys: &self.client_keys };
            self.view.show(&records, &source)?;
        }
        Ok(())
    }

    /// Throws every cache away and builds the view from the log alone.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the log does not open.
    pub fn rebuild(&mut self) -> Result<(), Error> {
        let mut writer = self.db.write()?;
        writer.clear_log(Log::Caches)?;
        writer.clear(Table::Snapshot)?;
        writer.commit()?;
        self.documents.clear();
        self.caches.clear();
        self.show_all()
    }

    /// Saves the sealed snapshot of the view, so that the next unlock is fast, and closes the store. A
    /// store that is dropped without it loses nothing but that speed.
    ///
    /// # Errors
    /// The errors of saving; the records are safe all the same.
    pub fn close(mut self) -> Result<(), Error> {
        self.save_caches()?;
        self.save_snapshot()
    }

    fn save_snapshot(&mut self) -> Result<(), Error> {
        let upto = self.db.newest(Log::Changes)?;
        let mut bytes = (upto as u64).to_le_bytes().to_vec();
        self.view()?;
        bytes.extend(self.view.save()?);
        let key = *self.ring.purpose(Purpose::Snapshot)?.expose();
        let mut writer = self.db.write()?;
        writer.clear(Table::Snapshot)?;
        for part in bytes.chunks(RAW_MAX * 16) {
            writer.insert_sealed(Table::Snapshot, &key, part, &mut *self.random)?;
        }
        writer.commit()
    }
}
