//! What the store knows: whom and what an input may name.

use std::collections::{BTreeMap, BTreeSet};

use haversack::model::SiteCode;
use haversack::{ClientId, EngineError, Notebook};

use crate::error::Error;

/// Digits that name a client, at least.
const DIGITS_MIN: usize = 4;

/// The sites and the clients of a store.
#[derive(Debug, Default)]
pub(crate) struct Known {
    sites: BTreeSet<SiteCode>,
    clients: BTreeSet<ClientId>,
    labels: BTreeMap<String, Vec<ClientId>>,
}

impl Known {
    /// Reads them. Outside of a team there is nothing to know, and that is what should be said.
    pub(crate) fn of(notebook: &Notebook) -> Result<Self, Error> {
        notebook.members()?;
        let mut known = Self::default();
        for site in notebook.sites()? {
            known.sites.insert(site.code);
        }
        for row in notebook.clients()? {
            known.clients.insert(row.id);
            if let Some(label) = row.client.label {
                known.labels.entry(label.as_str().to_owned()).or_default().push(row.id);
            }
        }
        Ok(known)
    }

    /// Some sites, and nobody.
    #[cfg(test)]
    pub(crate) fn with_sites(codes: impl IntoIterator<Item = SiteCode>) -> Self {
        Self { sites: codes.into_iter().collect(), ..Self::default() }
    }

    /// The codes of the sites, in order.
    pub(crate) fn sites(&self) -> impl Iterator<Item = &SiteCode> {
        self.sites.iter()
    }

    /// The only site, if there is exactly one.
    pub(crate) fn only_site(&self) -> Option<&SiteCode> {
        self.sites.iter().next().filter(|_| self.sites.len() == 1)
    }

    /// A site of the space; capitals do not matter where they tell no two apart.
    pub(crate) fn site(&self, text: &str) -> Result<SiteCode, Error> {
        let code = SiteCode::new(text)?;
        let mut alike = self.sites.iter().filter(|site| site.as_str().eq_ignore_ascii_case(text));
        match (self.sites.contains(&code), alike.next(), alike.next()) {
            (true, ..) => Ok(code),
            (false, Some(only), None) => Ok(only.clone()),
            _ => Err(EngineError::Unknown { what: "site" }.into()),
        }
    }

    /// A client, by id, by a label that only one client has, or by the first digits of the id.
    pub(crate) fn client(&self, text: &str) -> Result<ClientId, Error> {
        if let Ok(id) = text.parse::<ClientId>()
            && self.clients.contains(&id)
        {
            return Ok(id);
        }
        let found = self.labels.get(text).cloned().unwrap_or_else(|| self.beginning_so(text));
        match found.as_slice() {
            [] => Err(EngineError::Unknown { what: "client" }.into()),
            [id] => Ok(*id),
            several => Err(Error::Ambiguous { ids: several.to_vec() }),
        }
    }

    /// The clients whose ids begin with these digits, four or more.
    fn beginning_so(&self, text: &str) -> Vec<ClientId> {
        let digits = text.to_ascii_lowercase();
        let is_it =
            |id: &&ClientId| digits.len() >= DIGITS_MIN && id.to_string().starts_with(&digits);
        self.clients.iter().filter(is_it).copied().collect()
    }

    /// How many clients have a label.
    pub(crate) fn namesakes(&self, label: &str) -> usize {
        self.labels.get(label).map_or(0, Vec::len)
    }
}
