//! Memory after locking: no key, nothing of the records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use haversack::model::*;
use haversack::{ContactDraft, ContactFilter, Notebook, Passphrase, Period, RelayUrl, WhoDraft};
use haversack_core::{ClientKey, Engine};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::image::plant_space;
use super::process::{FOLDER, Subject, wait_at};
use super::search::Search;
use crate::team::{day, relay};

const PASSPHRASE: &str = "ZQPASS nobody says these words";
const WRONG: &str = "ZQWRONG nor would these do";
const CONTROL: &str = "ZQCONTROL this stays where it is";
const SITES: usize = 5;
const LABELS: usize = 20;

/// What the other process is told, in files, so that its program holds none of it.
fn prepare(folder: &Path, relay: &RelayUrl) {
    let texts = (0..SITES).map(site_name).chain((0..LABELS).map(label_name));
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("texts", &texts.collect::<Vec<_>>().join("\n"));
    write("passphrase", PASSPHRASE);
    write("wrong", WRONG);
    write("control", CONTROL);
    write("relay", &relay.to_string());
}

fn site_name(n: usize) -> String {
    format!("ZQSITE-{n:03}")
}

fn label_name(n: usize) -> String {
    format!("ZQLABEL-{n:03}")
}

/// What the other process does; a pass of nothing when nobody asks for it.
#[test]
fn subject() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let control = read("control");
    let notebook = fill(&folder, &runtime);
    wait_at("open");
    notebook.lock().unwrap();
    wait_at("locked");
    assert!(!control.is_empty() && notebook.contacts(&ContactFilter::default()).is_err());
}

/// A working day: a store is made, filled, read, synced, closed, opened with a wrong and the right passphrase, and used.
fn fill(folder: &Path, runtime: &tokio::runtime::Runtime) -> Notebook {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let passphrase = |name: &str| Passphrase::new(read(name)).unwrap();
    let store = folder.join("store");
    let options = haversack::CreateOptions::cheapest();
    let notebook = Notebook::create(&store, &passphrase("passphrase"), options).unwrap();
    notebook.found_space().unwrap();
    let texts = String::from_utf8(read("texts")).unwrap();
    let (sites, labels): (Vec<&str>, Vec<&str>) =
        texts.lines().partition(|text| text.contains("SITE"));
    let codes: Vec<_> = sites.iter().map(|site| SiteCode::new(site).unwrap()).collect();
    for code in &codes {
        let kind = SiteKind::MOBILE_VAN;
        notebook.put_site(&Site { code: code.clone(), kind, setting: None, closes: None }).unwrap();
    }
    let label = |text: &&str| Label::new(text).unwrap();
    let files = labels.iter().map(|text| Client { label: Some(label(text)), ..Client::default() });
    let clients = notebook.add_clients(&files.collect::<Vec<_>>()).unwrap();
    let contacts: Vec<_> = clients.iter().zip(codes.iter().cycle()).collect();
    for (n, (client, site)) in contacts.iter().enumerate() {
        let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
        let draft = ContactDraft::new(WhoDraft::Client(**client), (*site).clone())
            .line(line, Quantity::new(5).unwrap());
        notebook.log(day("2008-02-04"), &[draft]).unwrap();
        if n == LABELS / 2 {
            notebook.close().unwrap();
            Notebook::open(&store, &passphrase("wrong")).unwrap_err();
            return use_again(&store, folder, runtime);
        }
    }
    notebook
}

fn use_again(store: &Path, folder: &Path, runtime: &tokio::runtime::Runtime) -> Notebook {
    let passphrase = Passphrase::new(std::fs::read(folder.join("passphrase")).unwrap()).unwrap();
    let notebook = Notebook::open(store, &passphrase).unwrap();
    assert_eq!(notebook.clients().unwrap().len(), LABELS);
    assert_eq!(notebook.contacts(&ContactFilter::default()).unwrap().len(), LABELS / 2 + 1);
    let period = Period::new(day("2008-02-01"), day("2008-03-01")).unwrap();
    assert!(!notebook.canonical().unwrap().is_empty());
    notebook.report(&period).unwrap();
    notebook.export_bundle().unwrap();
    plant_space(&notebook);
    let relay: RelayUrl = std::fs::read_to_string(folder.join("relay")).unwrap().parse().unwrap();
    runtime.block_on(notebook.sync(&relay)).unwrap();
    notebook
}

/// Every key, derived ones too, and everything that somebody wrote.
fn secrets(folder: &Path) -> Search {
    let passphrase = Passphrase::new(PASSPHRASE.into()).unwrap();
    let random = Box::new(ChaCha20Rng::seed_from_u64(1));
    let engine = Engine::open(&folder.join("store"), &passphrase, random).unwrap();
    let mut search = Search::default();
    for (what, key) in engine.secrets(&passphrase).unwrap() {
        search.bytes(what, &key);
        if what == "client key" {
            search.raw("tag", &ClientKey::new(key).tag(2008, 2));
        }
    }
    engine.clients().unwrap().iter().for_each(|row| search.text("client id", &row.id.to_string()));
    let contacts = engine.contacts(&ContactFilter::default()).unwrap();
    contacts.iter().for_each(|row| search.text("contact id", &row.id.to_string()));
    (0..SITES).for_each(|n| search.text("site", &site_name(n)));
    (0..LABELS).for_each(|n| search.text("label", &label_name(n)));
    search.text("passphrase", PASSPHRASE);
    search.text("space name", "ZQSPACE");
    let name = &engine.spaces().unwrap()[0];
    let space = engine.open_space(name, Box::new(ChaCha20Rng::seed_from_u64(2))).unwrap();
    for (what, key) in space.secrets(&passphrase).unwrap() {
        search.bytes(what, &key);
    }
    search.text("wrong passphrase", WRONG);
    search
}

/// How often each name shows, by region.
fn found<'a>(
    search: &'a Search,
    memory: &[(String, Vec<u8>)],
) -> BTreeMap<(String, &'a str), usize> {
    let mut all = BTreeMap::new();
    for (region, bytes) in memory {
        for (name, times) in search.run(bytes) {
            *all.entry((region.clone(), name)).or_default() += times;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_in_memory_once_a_store_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let running = relay(&folder.path().join("relay-data")).await;
    prepare(folder.path(), &running.url);
    let mut subject = Subject::start("forensic::memory::subject", folder.path());
    subject.reached("open");
    let open = subject.memory();
    subject.go_on();
    subject.reached("locked");
    let locked = subject.memory();
    let search = secrets(folder.path());
    let mut control = Search::default();
    control.text("control", CONTROL);
    println!("open: {:?}", found(&search, &open));
    println!("locked: {:?}", found(&search, &locked));
    let names =
        |memory| found(&control, memory).into_keys().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!((names(&open).len(), names(&locked).len()), (1, 1), "the search can find");
    assert!(found(&search, &open).len() > 5, "and finds what is in use");
    assert_eq!(found(&search, &locked), BTreeMap::new());
}
