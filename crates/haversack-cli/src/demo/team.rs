//! The team: a store for each, enrolled as people enrol, and the records that all start from.

use std::path::{Path, PathBuf};

use haversack::{
    ClientId, CreateOptions, EngineError, Notebook, Passphrase, RelayAddress, RelayUrl, Role,
};

use super::dataset::Dataset;
use super::{Error, failing};

/// Opens the stores that `--keep` leaves behind. A demonstration's data is nobody's.
const PASSPHRASE: &str = "demonstration only";

/// The stores.
pub(super) struct Team {
    pub(super) coordinator: Notebook,
    pub(super) phones: Vec<Notebook>,
    pub(super) clients: Vec<ClientId>,
    folder: PathBuf,
}

impl Team {
    /// Makes the stores, founds the space, enrols every phone, registers sites and clients.
    pub(super) fn gather(
        folder: &Path,
        dataset: &Dataset,
        relay: &RelayUrl,
    ) -> Result<Self, Error> {
        let passphrase = Passphrase::new(PASSPHRASE.as_bytes().to_vec())?;
        std::fs::write(folder.join("passphrase.txt"), PASSPHRASE)
            .map_err(failing("the passphrase could not be written"))?;
        let store = |name: &str| {
            let options = CreateOptions::cheapest();
            Notebook::create(&folder.join(name), &passphrase, options)
        };
        let coordinator = store("coordinator")?;
        coordinator.found_space()?;
        dataset.sites.iter().try_for_each(|site| coordinator.put_site(site))?;
        let clients = match dataset.clients.as_slice() {
            [] => Vec::new(),
            clients => coordinator.add_clients(clients)?,
        };
        let mut phones = Vec::new();
        for n in 1..=dataset.educators {
            let phone = store(&format!("phone-{n}"))?;
            enrol(&coordinator, &phone, relay)?;
            phones.push(phone);
        }
        Ok(Self { coordinator, phones, clients, folder: folder.to_owned() })
    }

    /// A bundle goes from hand to hand as a file.
    pub(super) fn hand_over(
        &self,
        from: &Notebook,
        to: &Notebook,
        name: &str,
    ) -> Result<u64, Error> {
        let file = self.folder.join(name);
        let failed = "a bundle file could not be written or read";
        std::fs::write(&file, from.export_bundle()?).map_err(failing(failed))?;
        let bytes = std::fs::read(&file).map_err(failing(failed))?;
        Ok(to.import_bundle(&bytes)?.contacts)
    }

    /// Closes every store, as a person would.
    pub(super) fn close(&self) -> Result<(), Error> {
        self.phones.iter().chain([&self.coordinator]).try_for_each(Notebook::close)?;
        Ok(())
    }
}

fn enrol(coordinator: &Notebook, phone: &Notebook, relay: &RelayUrl) -> Result<(), Error> {
    let relays: Vec<RelayAddress> = relay
        .relay()
        .map(|id| RelayAddress { relay: id, addresses: vec![relay.authority()], pins: Vec::new() })
        .into_iter()
        .collect();
    let request = phone.request_to_join()?;
    let (answer, shown) = coordinator.invite(&request, Role::Educator, &relays)?;
    let seen = phone.join(&answer)?;
    match seen == shown {
        true => Ok(()),
        false => Err(EngineError::Enrolment { what: "answer", why: "gives other words" }.into()),
    }
}
