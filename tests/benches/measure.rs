//! What the benches share: a store of a size, and a line of JSON for each figure.

use std::path::Path;

use haversack::model::*;
use haversack::{ContactDraft, CreateOptions, Notebook, Passphrase, WhoDraft};

/// Contacts of one outing.
const OUTING: usize = 100;
const CLIENTS: usize = 500;

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new(b"a passphrase for measuring".to_vec()).unwrap()
}

/// A new store with a space, a site and clients.
pub(crate) fn make(folder: &Path) -> Notebook {
    let notebook = Notebook::create(folder, &passphrase(), CreateOptions::cheapest()).unwrap();
    notebook.found_space().unwrap();
    let (code, kind) = (SiteCode::new("KM-V").unwrap(), SiteKind::MOBILE_VAN);
    notebook.put_site(&Site { code, kind, setting: None, closes: None }).unwrap();
    notebook.add_clients(&vec![Client::default(); CLIENTS]).unwrap();
    notebook
}

/// Logs contacts, an outing at a time.
pub(crate) fn log(notebook: &Notebook, contacts: usize) {
    let clients = notebook.clients().unwrap();
    let line = |direction, item| Line { direction, item };
    for outing in 0..contacts / OUTING {
        let drafts: Vec<_> = (0..OUTING)
            .map(|n| {
                let who = WhoDraft::Client(clients[(outing * 7 + n) % CLIENTS].id);
                ContactDraft::new(who, SiteCode::new("KM-V").unwrap())
                    .line(line(Direction::Out, Item::SYRINGE_FIXED_1ML), Quantity::new(5).unwrap())
                    .line(line(Direction::In, Item::USED_MIXED), Quantity::new(3).unwrap())
            })
            .collect();
        let day = Day::from_number(3_000 + outing as i64).unwrap();
        notebook.log(day, &drafts).unwrap();
    }
}
