//! Writing records: validate, change the document, save; saved means on the disk.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::Transaction;
use automerge::{Automerge, ROOT, ReadDoc, Value};
use autosurgeon::{ReconcileError, reconcile_prop};
use haversack_wire::{Document, Epoch};

use super::Engine;
use super::documents::{RowContent, Staged, registry, row_item};
use super::log::{RowHead, RowKind};
use crate::Error;
use crate::crypto::{ClientKey, bytes};
use crate::docs::rebuild::{self, Built, Tip};
use crate::docs::schema::{
    ClientFile, ContactEntry, OutingHead, RegistryHead, SiteEntry, line_key,
};
use crate::docs::{Author, RawChange, read};
use crate::model::{
    AgeBand, Client, Contact, Day, Duration, Line, Mode, People, Quantity, Service, Sex, Site,
    SiteCode, Who,
};
use crate::view::{ClientId, ContactId};

/// More contacts than this on one day go into a second document.
const OUTING_CONTACTS_MAX: u32 = 200;

/// A contact to be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactDraft {
    /// Whom it was with.
    pub who: WhoDraft,
    /// Where: a site of the space.
    pub site: SiteCode,
    /// How it came about; the usual way of the site when absent.
    pub mode: Option<Mode>,
    /// What changed hands.
    pub lines: BTreeMap<Line, Quantity>,
    /// Services given beside supplies.
    pub services: BTreeSet<Service>,
    /// How long it took.
    pub duration: Option<Duration>,
}

/// Whom a contact to be logged was with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhoDraft {
    /// A client whose file is here.
    Client(ClientId),
    /// Someone without a file.
    Anonymous {
        /// Sex, where asked.
        sex: Option<Sex>,
        /// Age band, where asked.
        age: Option<AgeBand>,
    },
    /// A number of people, counted only.
    Count(People),
}

impl Default for WhoDraft {
    /// Someone without a file, nothing asked.
    fn default() -> Self {
        Self::Anonymous { sex: None, age: None }
    }
}

impl ContactDraft {
    /// A contact at a site, nothing given yet, in the site's usual mode.
    #[must_use]
    pub fn new(who: WhoDraft, site: SiteCode) -> Self {
        let (lines, services) = Default::default();
        Self { who, site, mode: None, lines, services, duration: None }
    }

    /// With a line; a line given before is replaced.
    #[must_use]
    pub fn line(mut self, line: Line, quantity: Quantity) -> Self {
        self.lines.insert(line, quantity);
        self
    }
}

/// That something is on the disk: it survives a kill and a power cut from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved<T>(pub T);

/// Changes of this device in the making, by document.
#[derive(Default)]
struct Edits {
    documents: BTreeMap<Document, Automerge>,
    changes: BTreeMap<Document, (Tip, Vec<RawChange>)>,
}

impl Engine {
    /// Logs contacts of one day. Each belongs to this device's outing of that day.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a site or client that is not here, [`Error::Invalid`] for no contact at all,
    /// [`Error::NoSpace`], [`Error::Full`] and the other errors of saving. Nothing is saved then.
    pub fn log(
        &mut self,
        day: Day,
        drafts: &[ContactDraft],
    ) -> Result<Saved<Vec<ContactId>>, Error> {
        let contacts = self.contacts_of(day, drafts)?;
        let (mut outing, mut count) = self.outing_with_room(day)?;
        let mut edits = Edits::default();
        let mut ids = Vec::new();
        for contact in &contacts {
            if count >= OUTING_CONTACTS_MAX {
                (outing, count) = (Document::new(bytes(&mut *self.random)), 0);
            }
            ids.push(self.add_contact(&mut edits, outing, day, contact)?);
            count += 1;
        }
        self.save_edits(edits, BTreeMap::new())?;
        Ok(Saved(ids))
    }

    /// Contacts as they are written.
    pub(super) fn contacts_of(
        &self,
        day: Day,
        drafts: &[ContactDraft],
    ) -> Result<Vec<Contact>, Error> {
        if drafts.is_empty() {
            return Err(Error::invalid("contacts", "must be at least one"));
        }
        drafts.iter().map(|draft| self.contact(day, draft)).collect()
    }

    fn contact(&self, day: Day, draft: &ContactDraft) -> Result<Contact, Error> {
        let site = self.view()?.site(&draft.site)?.ok_or(Error::Unknown { what: "site" })?;
        let who = match &draft.who {
            WhoDraft::Client(id) => {
                let key = self.client_keys.get(&id.0).ok_or(Error::Unknown { what: "client" })?;
                let month = day.month();
                let (year, of_year) = month.parts();
                Who::Client { tag: key.tag(year, of_year), month }
            }
            WhoDraft::Anonymous { sex, age } => {
                Who::Anonymous { sex: sex.clone(), age: age.clone() }
            }
            WhoDraft::Count(people) => Who::Count(*people),
        };
        Ok(Contact {
            who,
            site: site.code,
            mode: draft.mode.clone().unwrap_or_else(|| site.kind.usual_mode()),
            lines: draft.lines.clone(),
            services: draft.services.clone(),
            duration: draft.duration.clone(),
        })
    }

    fn outing_with_room(&mut self, day: Day) -> Result<(Document, u32), Error> {
        self.space()?;
        let me = self.device();
        match self.view()?.outing(&me, day)? {
            Some((outing, count)) if count < OUTING_CONTACTS_MAX => Ok((outing, count)),
            _ => Ok((Document::new(bytes(&mut *self.random)), 0)),
        }
    }

    fn add_contact(
        &mut self,
        edits: &mut Edits,
        outing: Document,
        day: Day,
        contact: &Contact,
    ) -> Result<ContactId, Error> {
        let author = self.author(&self.space()?.lane)?;
        let lived_before = self.device.lived_before;
        let key = free_key(self.edited(edits, outing)?, &author, lived_before)?;
        let id = ContactId { outing, key: key.clone() };
        self.edit(edits, outing, |tx| {
            if tx.keys(ROOT).next().is_none() {
                reconcile_root(tx, &OutingHead { day, site: Some(&contact.site) })?;
            }
            let usual = match tx.get(ROOT, "s")? {
                Some((Value::Scalar(value), _)) => value.as_str().map(SiteCode::from_document),
                _ => None,
            };
            reconcile_prop(tx, ROOT, key.as_str(), ContactEntry { contact, usual: usual.as_ref() })
        })?;
        Ok(id)
    }

    /// Corrects the quantity of one line of a contact: a `put`, kept beside what others put at the same time.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the contact is not here, and the errors of saving.
    pub fn correct(
        &mut self,
        id: &ContactId,
        line: &Line,
        quantity: Quantity,
    ) -> Result<(), Error> {
        if self.index.document(&id.outing).is_none() {
            return Err(Error::Unknown { what: "contact" });
        }
        let mut edits = Edits::default();
        let document = self.edited(&mut edits, id.outing)?;
        let maps = read::contacts(document).remove(&id.key);
        let maps = maps.ok_or(Error::Unknown { what: "contact" })?;
        self.edit(&mut edits, id.outing, |tx| {
            use automerge::transaction::Transactable;
            let (key, quantity) = (line_key(line), u64::from(quantity.get()));
            Ok(maps.iter().try_for_each(|map| {
                if tx.get_all(map, key.as_str())?.len() > 1 {
                    // A put of the value that is shown would leave that as it is, and only drop the others.
                    tx.delete(map, key.as_str())?;
                }
                tx.put(map, key.as_str(), quantity)
            })?)
        })?;
        self.save_edits(edits, BTreeMap::new())
    }

    /// Opens a client's file. Its key is born with it.
    ///
    /// # Errors
    /// [`Error::NoSpace`] and the errors of saving.
    pub fn add_client(&mut self, client: &Client) -> Result<Saved<ClientId>, Error> {
        self.add_clients(std::slice::from_ref(client)).map(|Saved(ids)| {
            Saved(ids.into_iter().next().unwrap_or(ClientId(Document::default())))
        })
    }

    /// Opens several client files at once.
    ///
    /// # Errors
    /// As [`Engine::add_client`].
    pub fn add_clients(&mut self, clients: &[Client]) -> Result<Saved<Vec<ClientId>>, Error> {
        self.space()?;
        let mut edits = Edits::default();
        let mut keys = BTreeMap::new();
        let mut ids = Vec::new();
        for client in clients {
            let file = Document::new(bytes(&mut *self.random));
            keys.insert(file, ClientKey::make(&mut *self.random));
            let salt = bytes(&mut *self.random);
            self.edit(&mut edits, file, |tx| reconcile_root(tx, &ClientFile { client, salt }))?;
            ids.push(ClientId(file));
        }
        self.save_edits(edits, keys)?;
        Ok(Saved(ids))
    }

    /// Adds a site to the registry, or changes it.
    ///
    /// # Errors
    /// [`Error::NoSpace`] and the errors of saving.
    pub fn put_site(&mut self, site: &Site) -> Result<(), Error> {
        let registry = registry(self.space()?.space());
        let mut edits = Edits::default();
        self.edit(&mut edits, registry, |tx| {
            reconcile_root(tx, &RegistryHead)?;
            let entry = SiteEntry(site);
            reconcile_prop(tx, ROOT, entry.key().as_str(), entry)
        })?;
        self.save_edits(edits, BTreeMap::new())
    }

    /// The copy of a document that edits go to.
    fn edited<'e>(
        &mut self,
        edits: &'e mut Edits,
        id: Document,
    ) -> Result<&'e mut Automerge, Error> {
        match edits.documents.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(self.believed(&id)?)),
        }
    }

    /// Makes one change to a copy of a document.
    fn edit(
        &mut self,
        edits: &mut Edits,
        id: Document,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<(), ReconcileError>,
    ) -> Result<(), Error> {
        self.go_on_anew()?;
        let lane = self.space()?.lane;
        let author = self.author(&lane)?;
        let tip = self.index.tip(&id, &lane);
        let document = self.edited(edits, id)?;
        document.set_actor(author.id().clone());
        let mut tx = document.transaction();
        change(&mut tx).map_err(|_| Error::Document { what: "changed" })?;
        let (made, _) = tx.commit();
        if made.is_some() {
            let change =
                document.get_last_local_change().ok_or(Error::Document { what: "changed" })?;
            let (tip, raws) = edits.changes.entry(id).or_insert_with(|| (tip, Vec::new()));
            if change.seq() != tip.sequence + 1 {
                // Never twice the same place, whatever a projection left out.
                return Err(Error::Document { what: "changed" });
            }
            raws.push(rebuild::raw(&change, *tip));
            *tip = Tip { sequence: change.seq(), hash: Some(change.hash()) };
        }
        Ok(())
    }

    /// Others would pass over what this device's role does not allow: it is refused here before it is saved.
    fn check_role(&self, id: &Document, document: &Automerge) -> Result<(), Error> {
        self.still_member()?;
        let written = self.written(id, document);
        match self.role()?.is_some_and(|role| role.may_write(written)) {
            true => Ok(()),
            false => Err(Error::NotAllowed { what: "write this kind of record" }),
        }
    }

    fn save_edits(
        &mut self,
        edits: Edits,
        client_keys: BTreeMap<Document, ClientKey>,
    ) -> Result<(), Error> {
        let lane = self.space()?.lane;
        let author = self.author(&lane)?;
        let mut staged = Staged::default();
        for (id, document) in edits.documents {
            self.check_role(&id, &document)?;
            match self.is_doubted(&id, self.written(&id, &document)) {
                true => staged.doubted.push(id),
                false => drop(staged.documents.insert(id, Built::of(document))),
            }
        }
        for (document, (tip, changes)) in edits.changes {
            let head = RowHead {
                document,
                kind: RowKind::Changes,
                lane,
                sequence: None,
                tip,
                since: Epoch::default(),
            };
            let content = RowContent { item: row_item(&author, document, changes)?, signed: None };
            staged.rows.push((head, content.encode()?));
        }
        for (document, key) in &client_keys {
            let tip = Tip::default();
            let head = RowHead {
                document: *document,
                kind: RowKind::ClientKey,
                lane,
                sequence: None,
                tip,
                since: Epoch::default(),
            };
            staged.rows.push((head, key.expose().to_vec()));
        }
        staged.client_keys = client_keys;
        self.commit(staged)
    }
}

/// Makes an outing of a document that is empty.
pub(super) fn put_outing(
    document: &mut Automerge,
    day: Day,
    contacts: &[Contact],
) -> Result<(), Error> {
    let usual = contacts.first().map(|contact| &contact.site);
    let mut tx = document.transaction();
    let mut put = || {
        reconcile_root(&mut tx, &OutingHead { day, site: usual })?;
        for (key, contact) in (1..).zip(contacts) {
            let key: i32 = key;
            let entry = ContactEntry { contact, usual };
            reconcile_prop(&mut tx, ROOT, key.to_string().as_str(), entry)?;
        }
        Ok(())
    };
    put().map_err(|_: ReconcileError| Error::Document { what: "made" })?;
    tx.commit();
    Ok(())
}

/// A key that no contact of the outing has: 1, 2, 3… for the device that began it; with a prefix of its own
/// for any other, so that two devices never take the same. Two lives of one device may both have begun it: any but the
/// first takes a prefix too.
fn free_key(document: &Automerge, author: &Author, lived_before: bool) -> Result<String, Error> {
    let begun_here =
        !lived_before && read::begun_by(document).is_none_or(|actor| actor == *author.id());
    let prefix = match begun_here {
        true => String::new(),
        false => format!("{}-", author.id().to_hex_string().get(..10).unwrap_or_default()),
    };
    let is_contact =
        |key: &String| key.contains('-') || key.starts_with(|c: char| c.is_ascii_digit());
    let taken = document.keys(ROOT).filter(is_contact).count();
    (taken + 1..=2 * taken + 1)
        .map(|n| format!("{prefix}{n}"))
        .find(|key| matches!(document.get(ROOT, key.as_str()), Ok(None)))
        .ok_or(Error::Document { what: "given a new key" })
}

fn reconcile_root<R: autosurgeon::Reconcile>(
    tx: &mut Transaction<'_>,
    value: &R,
) -> Result<(), ReconcileError> {
    autosurgeon::reconcile(tx, value)
}
