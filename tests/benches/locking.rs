//! How long it takes until the keys of a store of 25,000 contacts are gone, from the disk and from memory. Each figure
//! stands beside what the same machine needs, in the same run, for the least that could do it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench fails by panicking"
)]

mod measure;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use haversack::Notebook;
use haversack_core::forensic::wipe_keys;
use measure::{log, make, passphrase};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

#[global_allocator]
static HEAP: haversack::ZeroAlloc<std::alloc::System> = haversack::ZeroAlloc(std::alloc::System);

const CONTACTS: usize = 25_000;
const RUNS: usize = 11;
const HEADER_LEN: usize = 1_280;

/// One figure, and the reference of the same run.
#[derive(Default)]
struct Figure {
    times: Vec<f64>,
    references: Vec<f64>,
}

impl Figure {
    fn add(&mut self, time: f64, reference: f64) {
        self.times.push(time);
        self.references.push(reference);
    }

    fn print(&self, name: &str, reference: &str, limit_ms: u32) {
        let max = self.times.iter().copied().fold(0.0, f64::max);
        let (median, reference_ms) = (median(&self.times), median(&self.references));
        let line = serde_json::json!({
            "row": "locking", "name": name, "contacts": CONTACTS, "runs": RUNS, "value": median, "unit": "ms", "max_ms": max,
            "budget": format!("≤ {limit_ms}"), "met": median <= f64::from(limit_ms),
            "reference": reference, "reference_value": reference_ms, "ratio": median / reference_ms,
        });
        println!("{line}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        std::fs::copy(entry.path(), &to).unwrap();
        File::open(to).unwrap().sync_all().unwrap();
    }
}

/// Milliseconds that something takes.
fn time<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = run();
    (start.elapsed().as_secs_f64() * 1e3, done)
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Two files as long as a header, each down to the disk.
fn two_syncs(folder: &Path) {
    for name in ["reference.a", "reference.b"] {
        let mut file = File::create(folder.join(name)).unwrap();
        file.write_all(&[7; HEADER_LEN]).unwrap();
        file.sync_all().unwrap();
    }
}

/// Bytes of memory that this process has.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

fn wiping(folder: &Path, store: &Path) {
    let (mut keys, mut data) = (Figure::default(), Figure::default());
    for n in 0..RUNS {
        let (copied, file) = (folder.join(format!("copy-{n}")), folder.join("reference"));
        copy(store, &copied);
        std::fs::copy(store.join("data.db"), &file).unwrap();
        File::open(&file).unwrap().sync_all().unwrap();
        let (reference, ()) = time(|| two_syncs(folder));
        let (gone, ()) = time(|| wipe_keys(&copied, &mut ChaCha20Rng::seed_from_u64(1)).unwrap());
        keys.add(gone, reference);
        let (reference, ()) = time(|| std::fs::remove_file(&file).unwrap());
        let (rest, ()) = time(|| haversack::wipe(&copied).unwrap());
        data.add(gone + rest, reference);
    }
    keys.print("wipe: keys gone", "two files of 1,280 bytes, synced", 300);
    data.print("wipe: data gone too", "removing a file as long as the database", 300);
}

fn locking(store: &Path) {
    let mut figure = Figure::default();
    let mut held = 0;
    for _ in 0..RUNS {
        let before = resident();
        let notebook = Notebook::open(store, &passphrase()).unwrap();
        assert_eq!(notebook.status().unwrap().contacts, CONTACTS as u64);
        notebook.contacts(&haversack::ContactFilter::default()).unwrap();
        // The system leaves the process what it freed: only the first round shows how much that is.
        held = held.max(resident().saturating_sub(before));
        let (locked, ()) = time(|| notebook.lock().unwrap());
        let mut memory = vec![7_u8; held];
        let (reference, ()) = time(|| std::hint::black_box(&mut memory).fill(0));
        std::hint::black_box(&memory);
        figure.add(locked, reference);
    }
    figure.print("lock", "overwriting as much memory as the store took", 1_000);
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let notebook = make(&store);
    log(&notebook, CONTACTS);
    notebook.close().unwrap();
    wiping(folder.path(), &store);
    locking(&store);
}
