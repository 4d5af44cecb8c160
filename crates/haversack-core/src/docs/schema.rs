//! Records as documents: what is written, by autosurgeon (PROTOCOL § 11).
//!
//! Keys and codes are words of the schema's list. Lines and services are flat keys of the contact's map
//! (`o.needle`, `v.nsp`): a count is one scalar with a conflict set of its own, and two devices that add a
//! line at once never hide each other's.

use autosurgeon::reconcile::{MapReconciler, NoKey};
use autosurgeon::{Reconcile, Reconciler};

use crate::model::{Client, Contact, Day, Direction, Item, Line, Site, SiteCode, Who};

/// The type of a document, under key `t`.
pub(crate) mod kind {
    pub(crate) const OUTING: &str = "outing";
    pub(crate) const CLIENT: &str = "client";
    pub(crate) const REGISTRY: &str = "registry";
}

/// The head of an outing's document: a peer educator's walk on one day.
pub(crate) struct OutingHead<'a> {
    pub(crate) day: Day,
    pub(crate) site: Option<&'a SiteCode>,
}

impl Reconcile for OutingHead<'_> {
    type Key<'a> = NoKey;

    fn reconcile<R: Reconciler>(&self, mut reconciler: R) -> Result<(), R::Error> {
        let mut map = reconciler.map()?;
        map.put("t", kind::OUTING)?;
        map.put("d", u64::from(self.day.number()))?;
        match self.site {
            Some(site) => map.put("s", site.as_str()),
            None => Ok(()),
        }
    }
}

/// A contact within an outing whose usual site is given.
pub(crate) struct ContactEntry<'a> {
    pub(crate) contact: &'a Contact,
    pub(crate) usual: Option<&'a SiteCode>,
}

impl Reconcile for ContactEntry<'_> {
    type Key<'a> = NoKey;

    fn reconcile<R: Reconciler>(&self, mut reconciler: R) -> Result<(), R::Error> {
        let contact = self.contact;
        let mut map = reconciler.map()?;
        map.put("m", contact.mode.as_str())?;
        if self.usual != Some(&contact.site) {
            map.put("s", contact.site.as_str())?;
        }
        put_who(&mut map, &contact.who)?;
        if let Some(duration) = &contact.duration {
            map.put("b", duration.as_str())?;
        }
        for (line, quantity) in &contact.lines {
            map.put(line_key(line), u64::from(quantity.get()))?;
        }
        for service in &contact.services {
            map.put(format!("v.{service}"), true)?;
        }
        Ok(())
    }
}

fn put_who<M: MapReconciler>(map: &mut M, who: &Who) -> Result<(), M::Error> {
    match who {
        Who::Client { tag, month } => {
            map.put("c", autosurgeon::bytes::ByteArray::from(*tag))?;
            map.put("n", u64::from(month.number()))
        }
        Who::Anonymous { sex, age } => {
            sex.iter().try_for_each(|sex| map.put("a", sex.as_str()))?;
            age.iter().try_for_each(|age| map.put("g", age.as_str()))
        }
        Who::Count(people) => map.put("p", u64::from(people.get())),
    }
}

/// The key of a line: `o.`, `f.` (out, for others) or `i.` and the item.
pub(crate) fn line_key(line: &Line) -> String {
    let direction = match line.direction {
        Direction::Out => 'o',
        Direction::OutForOthers => 'f',
        Direction::In => 'i',
    };
    format!("{direction}.{}", line.item)
}

/// The line that a key names: what [`line_key`] made of it.
pub(crate) fn line_of(key: &str) -> Option<Line> {
    let (direction, item) = key.split_once('.')?;
    let direction = match direction {
        "o" => Direction::Out,
        "f" => Direction::OutForOthers,
        "i" => Direction::In,
        _ => return None,
    };
    Some(Line { direction, item: Item::from_document(item) })
}

/// A client's file. The salt is for what outlives the file once it is erased: hashes that nobody can try guesses on then.
pub(crate) struct ClientFile<'a> {
    pub(crate) client: &'a Client,
    pub(crate) salt: [u8; 16],
}

impl Reconcile for ClientFile<'_> {
    type Key<'a> = NoKey;

    fn reconcile<R: Reconciler>(&self, mut reconciler: R) -> Result<(), R::Error> {
        let client = self.client;
        let mut map = reconciler.map()?;
        map.put("t", kind::CLIENT)?;
        map.put("salt", autosurgeon::bytes::ByteArray::from(self.salt))?;
        if let Some(label) = &client.label {
            map.put("label", label.as_str())?;
        }
        if let Some(sex) = &client.sex {
            map.put("sex", sex.as_str())?;
        }
        if let Some((first, width)) = client.birth.map(|band| band.parts()) {
            map.put("birth", u64::from(first))?;
            map.put("width", u64::from(width))?;
        }
        if let Some(need) = client.need {
            map.put("need", u64::from(need.get()))?;
        }
        match &client.status {
            Some(status) => map.put("status", status.as_str()),
            None => Ok(()),
        }
    }
}

/// The head of the registry.
pub(crate) struct RegistryHead;

impl Reconcile for RegistryHead {
    type Key<'a> = NoKey;

    fn reconcile<R: Reconciler>(&self, mut reconciler: R) -> Result<(), R::Error> {
        reconciler.map()?.put("t", kind::REGISTRY)
    }
}

/// A site's entry in the registry, under `site.<code>`.
pub(crate) struct SiteEntry<'a>(pub(crate) &'a Site);

impl SiteEntry<'_> {
    pub(crate) fn key(&self) -> String {
        format!("site.{}", self.0.code)
    }
}

impl Reconcile for SiteEntry<'_> {
    type Key<'a> = NoKey;

    fn reconcile<R: Reconciler>(&self, mut reconciler: R) -> Result<(), R::Error> {
        let mut map = reconciler.map()?;
        map.put("kind", self.0.kind.as_str())?;
        if let Some(setting) = &self.0.setting {
            map.put("setting", setting.as_str())?;
        }
        match self.0.closes {
            Some(closing) => map.put("closes", u64::from(closing.minutes())),
            None => Ok(()),
        }
    }
}
