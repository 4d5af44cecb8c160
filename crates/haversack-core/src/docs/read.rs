//! Documents as records: a pure projection that never fails and drops nothing silently.
//!
//! Where concurrent corrections left several values of a count, the lower one counts until somebody
//! resolves them, so that coverage is never over-claimed (merge rule M2); what cannot be understood is
//! counted in `odd`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::iter::{DocItem, DocObjItem, MapRangeItem};
use automerge::legacy::{Key, ObjectId, Op, OpType};
use automerge::{
    ActorId, Automerge, Change, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValue,
    ScalarValueRef, Value, ValueRef,
};

use super::schema::{kind, line_of};
use crate::model::{
    AgeBand, BirthBand, Client, ClientStatus, Closing, Contact, Day, Duration, Label, Mode, Month,
    Needed, People, Quantity, Service, Setting, Sex, Site, SiteCode, SiteKind, Who,
};

/// What a document is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    Outing(Outing),
    Client(Client),
    Registry(Vec<Site>),
    /// A type of a newer app: kept, passed on, not shown.
    Other,
}

/// An outing as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outing {
    pub(crate) day: Option<Day>,
    pub(crate) contacts: Vec<Entry>,
}

/// A contact as read: its key, who made it, and what could not be understood in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) author: ActorId,
    pub(crate) contact: Contact,
    pub(crate) disputed: bool,
    pub(crate) odd: u32,
}

/// Reads a document.
pub(crate) fn record(document: &Automerge) -> Record {
    match text(document, &ROOT, "t").as_deref() {
        Some(kind::OUTING) => Record::Outing(outing(document)),
        Some(kind::CLIENT) => Record::Client(client(document)),
        Some(kind::REGISTRY) => Record::Registry(sites(document)),
        _ => Record::Other,
    }
}

/// Whether a document is one that anybody who writes records may write: an outing or a client's file.
pub(crate) fn is_record(document: &Automerge) -> bool {
    matches!(text(document, &ROOT, "t").as_deref(), Some(kind::OUTING | kind::CLIENT))
}

/// The actor that began a document.
pub(crate) fn begun_by(document: &Automerge) -> Option<ActorId> {
    match document.get(ROOT, "t") {
        Ok(Some((_, ObjId::Id(_, actor, _)))) => Some(actor),
        _ => None,
    }
}

/// Whether an actor began a client's file. There may be several, where lives of one device said it again; whoever merely sets its type
/// again is none.
pub(crate) fn is_founder(file: &Automerge, actor: &ActorId) -> bool {
    let changes = file.get_changes(&[]);
    changes.iter().any(|change| change.actor_id() == actor && begins_client(change))
}

/// Whether a change begins a client's file: it builds on nothing, and says so.
pub(crate) fn begins_client(change: &Change) -> bool {
    let is_type = |op: &Op| op.obj == ObjectId::Root && op.key == Key::Map("t".into());
    let is_client = |op: &Op| match &op.action {
        OpType::Put(ScalarValue::Str(text)) => text.as_str() == kind::CLIENT,
        _ => false,
    };
    change.deps().is_empty()
        && change.decode().operations.iter().any(|op| is_type(op) && is_client(op))
}

fn outing(document: &Automerge) -> Outing {
    let usual = text(document, &ROOT, "s").map(|site| SiteCode::from_document(&site));
    let day = number(document, &ROOT, "d").and_then(|day| Day::from_number(day).ok());
    let maps = Maps::of(document);
    let contacts = contacts(document)
        .into_iter()
        .map(|(key, objects)| entry(&maps, key, &objects, usual.as_ref()))
        .collect();
    Outing { day, contacts }
}

/// How the key of a contact begins that was said again.
const SAID_AGAIN: char = '-';

/// The key of a contact that is said again because the branch that had it is not believed (PROTOCOL § 4.2): it follows
/// from the change that made the contact.
pub(crate) fn said_again_as(document: &Automerge, key: &str, object: &ObjId) -> Option<String> {
    if key.starts_with(SAID_AGAIN) {
        // It keeps the name that it got when it was first said again.
        return Some(key.to_owned());
    }
    let made = document.hash_for_opid(object)?;
    let start = made.0.first_chunk::<5>()?;
    let hex: String = start.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{SAID_AGAIN}{hex}-{key}"))
}

/// The contacts of an outing with the maps that say them, by key. There are several where a contact was said again: by
/// several lives of a device under one key, or after all beside the contact itself.
pub(crate) fn contacts(document: &Automerge) -> BTreeMap<String, Vec<ObjId>> {
    let mut all: BTreeMap<String, Vec<ObjId>> = BTreeMap::new();
    for item in document.map_range(ROOT, ..) {
        if item.value != ValueRef::Object(ObjType::Map) {
            continue;
        }
        let (key, shown) = (item.key.as_ref(), item.id());
        let values = match item.conflict {
            true => document.get_all(ROOT, key).unwrap_or_default(),
            false => Vec::new(),
        };
        let others = values
            .into_iter()
            .filter(|(value, id)| matches!(value, Value::Object(ObjType::Map)) && *id != shown);
        let maps = std::iter::once(shown.clone()).chain(others.map(|(_, id)| id));
        all.insert(key.to_owned(), maps.collect());
    }
    let again: Vec<String> =
        all.keys().filter(|key| key.starts_with(SAID_AGAIN)).cloned().collect();
    if again.is_empty() {
        return all;
    }
    let mut said = BTreeMap::new();
    for (key, maps) in all.iter().filter(|(key, _)| !key.starts_with(SAID_AGAIN)) {
        let names = maps.iter().filter_map(|map| said_again_as(document, key, map));
        said.extend(names.map(|name| (name, key.clone())));
    }
    for key in again {
        if let Some(first) = said.get(&key)
            && let Some(maps) = all.remove(&key)
        {
            all.entry(first.clone()).or_default().extend(maps);
        }
    }
    all
}

/// The changes that left their mark on what a document has under a key: a contact, a site.
pub(crate) fn touched(document: &Automerge, key: &str) -> Option<BTreeSet<ChangeHash>> {
    let mut all = contacts(document);
    let maps = all.remove(key)?;
    let ops = maps.iter().flat_map(|map| {
        let fields = document.keys(map);
        let values = fields.flat_map(|field| document.get_all(map, field).unwrap_or_default());
        values.map(|(_, op)| op).chain([map.clone()]).collect::<Vec<_>>()
    });
    Some(ops.filter_map(|op| document.hash_for_opid(&op)).collect())
}

/// The maps at a document's root, by key.
fn maps(document: &Automerge) -> impl Iterator<Item = (String, ObjId)> {
    document.keys(ROOT).filter_map(|key| match document.get(ROOT, key.as_str()) {
        Ok(Some((Value::Object(ObjType::Map), object))) => Some((key, object)),
        _ => None,
    })
}

/// A document's maps, read in one go: to seek each by itself costs several times as much.
struct Maps<'a> {
    document: &'a Automerge,
    /// What is shown in each, as ids follow on each other.
    shown: Vec<(Arc<ObjId>, Fields<'a>)>,
}

impl<'a> Maps<'a> {
    fn of(document: &'a Automerge) -> Self {
        let mut shown: Vec<(Arc<ObjId>, Fields<'a>)> = Vec::new();
        for DocObjItem { obj, item } in document.iter() {
            let DocItem::Map(item) = item else { continue };
            match shown.last_mut().filter(|(last, _)| *last == obj) {
                Some((_, fields)) => fields.0.push(item),
                None => shown.push((obj, Fields(vec![item]))),
            }
        }
        shown.sort_by(|(a, _), (b, _)| a.cmp(b));
        shown.iter_mut().for_each(|(_, fields)| fields.sort());
        Self { document, shown }
    }

    /// The fields of a map. One beside another under the same key is not shown, and is read by itself.
    fn fields(&self, object: &ObjId) -> Cow<'_, Fields<'a>> {
        let found = self.shown.binary_search_by(|(id, _)| (**id).cmp(object)).ok();
        match found.and_then(|at| self.shown.get(at)) {
            Some((_, fields)) => Cow::Borrowed(fields),
            None => {
                let mut fields = Fields(self.document.map_range(object, ..).collect());
                fields.sort();
                Cow::Owned(fields)
            }
        }
    }
}

/// The fields of a map, by their keys.
#[derive(Clone)]
struct Fields<'a>(Vec<MapRangeItem<'a>>);

impl Fields<'_> {
    fn sort(&mut self) {
        self.0.sort_by(|a, b| a.key.cmp(&b.key));
    }

    fn get(&self, key: &str) -> Option<&MapRangeItem<'_>> {
        let at = self.0.binary_search_by(|item| item.key.as_ref().cmp(key)).ok()?;
        self.0.get(at)
    }

    fn scalar(&self, key: &str) -> Option<&ScalarValueRef<'_>> {
        scalar_of(self.get(key)?)
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.scalar(key)? {
            ScalarValueRef::Str(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<i64> {
        number_of(self.scalar(key)?)
    }

    fn tag(&self) -> Option<[u8; 8]> {
        match self.scalar("c")? {
            ScalarValueRef::Bytes(bytes) => bytes.as_ref().try_into().ok(),
            _ => None,
        }
    }
}

fn scalar_of<'a>(item: &'a MapRangeItem<'_>) -> Option<&'a ScalarValueRef<'a>> {
    match &item.value {
        ValueRef::Scalar(value) => Some(value),
        ValueRef::Object(_) => None,
    }
}

const fn number_of(value: &ScalarValueRef<'_>) -> Option<i64> {
    match value {
        ScalarValueRef::Uint(n) if *n <= i64::MAX as u64 => Some(*n as i64),
        ScalarValueRef::Int(n) => Some(*n),
        _ => None,
    }
}

fn entry(maps: &Maps<'_>, key: String, objects: &[ObjId], usual: Option<&SiteCode>) -> Entry {
    let object = objects.first().unwrap_or(&ROOT);
    let all: Vec<Cow<'_, Fields<'_>>> = objects.iter().map(|map| maps.fields(map)).collect();
    let text = |key| all.first().and_then(|fields| fields.text(key));
    let site = text("s").map(SiteCode::from_document);
    let mut entry = Entry {
        key,
        author: actor(object),
        contact: Contact {
            who: all.first().map_or(Who::Anonymous { sex: None, age: None }, |first| who(first)),
            site: site.or_else(|| usual.cloned()).unwrap_or_else(|| SiteCode::from_document("")),
            mode: Mode::from_document(text("m").unwrap_or_default()),
            lines: Default::default(),
            services: Default::default(),
            duration: text("b").map(Duration::from_document),
        },
        disputed: false,
        odd: 0,
    };
    let all: Vec<(&ObjId, &Fields<'_>)> = objects.iter().zip(all.iter().map(Cow::as_ref)).collect();
    let mut keys: Vec<&str> =
        all.iter().flat_map(|(_, fields)| &fields.0).map(|item| item.key.as_ref()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().for_each(|key| take_flat(maps.document, &all, key, &mut entry));
    entry
}

/// Takes a line (`o.needle`) or a service (`v.nsp`) into the entry.
fn take_flat(document: &Automerge, all: &[(&ObjId, &Fields<'_>)], field: &str, entry: &mut Entry) {
    if let Some(code) = field.strip_prefix("v.") {
        entry.contact.services.insert(Service::from_document(code));
    }
    let Some(line) = line_of(field) else {
        return;
    };
    let mut span: Option<(i64, i64)> = None;
    let mut take = |value: i64| {
        let (lowest, highest) = span.unwrap_or((value, value));
        span = Some((lowest.min(value), highest.max(value)));
    };
    for (object, fields) in all {
        match fields.get(field) {
            // Of several that concurrent writers left, each counts.
            Some(item) if item.conflict => {
                numbers(document, object, field).into_iter().for_each(&mut take);
            }
            Some(item) => {
                scalar_of(item).and_then(number_of).into_iter().for_each(&mut take);
            }
            None => {}
        }
    }
    entry.disputed |= span.is_some_and(|(lowest, highest)| lowest != highest);
    match span.map(|(lowest, _)| Quantity::new(lowest)) {
        Some(Ok(quantity)) => drop(entry.contact.lines.insert(line, quantity)),
        _ => entry.odd += 1,
    }
}

fn who(fields: &Fields<'_>) -> Who {
    let month = fields.number("n").and_then(|n| Month::from_number(n.unsigned_abs()).ok());
    let people = fields.number("p").and_then(|n| People::new(n).ok());
    match (fields.tag(), month, people) {
        (Some(tag), Some(month), _) => Who::Client { tag, month },
        (_, _, Some(people)) => Who::Count(people),
        _ => Who::Anonymous {
            sex: fields.text("a").map(Sex::from_document),
            age: fields.text("g").map(AgeBand::from_document),
        },
    }
}

fn client(document: &Automerge) -> Client {
    let count = |key| number(document, &ROOT, key);
    let birth = count("birth").zip(count("width"));
    Client {
        label: text(document, &ROOT, "label").map(|label| Label::from_document(&label)),
        sex: text(document, &ROOT, "sex").map(|code| Sex::from_document(&code)),
        birth: birth.and_then(|(first, width)| BirthBand::new(first, width).ok()),
        need: count("need").and_then(|need| Needed::new(need).ok()),
        status: text(document, &ROOT, "status").map(|code| ClientStatus::from_document(&code)),
    }
}

fn sites(document: &Automerge) -> Vec<Site> {
    maps(document)
        .filter_map(|(key, object)| {
            let code = SiteCode::from_document(key.strip_prefix("site.")?);
            let kind = SiteKind::from_document(&text(document, &object, "kind")?);
            let setting =
                text(document, &object, "setting").map(|code| Setting::from_document(&code));
            let closes = number(document, &object, "closes");
            let closes = closes.and_then(|m| Closing::from_minutes(m.unsigned_abs()).ok());
            Some(Site { code, kind, setting, closes })
        })
        .collect()
}

fn actor(object: &ObjId) -> ActorId {
    match object {
        ObjId::Id(_, actor, _) => actor.clone(),
        ObjId::Root => ActorId::from([0; 16]),
    }
}

fn scalar(document: &Automerge, object: &ObjId, key: &str) -> Option<ScalarValue> {
    match document.get(object, key) {
        Ok(Some((Value::Scalar(value), _))) => Some(value.into_owned()),
        _ => None,
    }
}

fn text(document: &Automerge, object: &ObjId, key: &str) -> Option<String> {
    match scalar(document, object, key)? {
        ScalarValue::Str(text) => Some(text.to_string()),
        _ => None,
    }
}

fn number(document: &Automerge, object: &ObjId, key: &str) -> Option<i64> {
    as_number(&scalar(document, object, key)?)
}

/// Every value that concurrent writers left under a key, as numbers.
fn numbers(document: &Automerge, object: &ObjId, key: &str) -> Vec<i64> {
    let all = document.get_all(object, key).unwrap_or_default();
    all.iter().filter_map(|(value, _)| as_number(value.as_scalar()?)).collect()
}

fn as_number(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Uint(n) => i64::try_from(*n).ok(),
        ScalarValue::Int(n) => Some(*n),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use automerge::transaction::Transactable;
    use proptest::prelude::*;

    use super::*;

    /// (who, which contact or none for the root, which field, what): 0 deletes, 1 puts a map, others a number.
    type Edit = (usize, Option<u8>, u8, u8);

    fn edit(document: &mut Automerge, (_, contact, field, what): Edit) {
        let mut tx = document.transaction();
        let under = match contact {
            None => ROOT,
            Some(n) => match tx.get(ROOT, n.to_string()).unwrap() {
                Some((Value::Object(ObjType::Map), map)) => map,
                _ => tx.put_object(ROOT, n.to_string(), ObjType::Map).unwrap(),
            },
        };
        let field = if contact.is_none() { field.to_string() } else { format!("o.{field}") };
        match what {
            0 => drop(tx.delete(&under, field)),
            1 => drop(tx.put_object(&under, field, ObjType::Map).unwrap()),
            n => tx.put(&under, field, u64::from(n)).unwrap(),
        }
        tx.commit();
    }

    proptest! {
        /// Read in one go, each map of a contact has what it has when it is read by itself, shown or not.
        #[test]
        fn one_walk_reads_what_seeking_each_map_reads(
            edits in proptest::collection::vec((0..4_usize, proptest::option::of(0..3_u8), 0..4_u8, 0..5_u8), 0..40),
        ) {
            let mut documents: Vec<Automerge> =
                (1..=3).map(|n| Automerge::new().with_actor(ActorId::from([n; 16]))).collect();
            for of in edits {
                match documents.get_mut(of.0) {
                    Some(document) => edit(document, of),
                    // Now and then all learn of each other.
                    None => for n in 0..9 {
                        let mut other = documents[n % 3].clone();
                        documents[(n + 1) % 3].merge(&mut other).unwrap();
                    },
                }
            }
            for document in &documents {
                let maps = Maps::of(document);
                for object in contacts(document).values().flatten().chain([&ROOT]) {
                    let alone: Vec<_> = document.map_range(object, ..).collect();
                    let said = |item: &MapRangeItem<'_>| {
                        (item.key.to_string(), format!("{:?}", item.value), item.conflict, item.id())
                    };
                    let found: Vec<_> = maps.fields(object).0.iter().map(said).collect();
                    prop_assert_eq!(found, alone.iter().map(said).collect::<Vec<_>>());
                }
            }
        }
    }
}
