//! A phone goes from one worker to the next: nothing that the first one logged is lost, and nothing of it opens any more.

use std::path::{Path, PathBuf};

use haversack::{
    ContactFilter, CreateOptions, Device, EngineError, Error, Notebook, Owed, Passphrase, Role,
    WhoDraft, wipe,
};

use crate::team::{Running, Team, day, given, passphrase, relay};

/// What the next worker opens the phone with.
fn next_passphrase() -> Passphrase {
    Passphrase::new(b"the next worker has another one".to_vec()).unwrap()
}

/// A team whose first phone has logged, and met the coordinator through a relay.
struct Office {
    team: Team,
    relay: Running,
}

impl Office {
    async fn new() -> Self {
        let team = Team::new(2, 0);
        let relay = relay(&team.folder.path().join("relay")).await;
        let office = Self { team, relay };
        office.log("2026-11-02", 3);
        for who in [office.old(), office.coordinator(), office.colleague()] {
            who.sync(&office.relay.url).await.unwrap();
        }
        office
    }

    fn coordinator(&self) -> &Notebook {
        &self.team.coordinator
    }

    fn old(&self) -> &Notebook {
        &self.team.phones[0]
    }

    fn colleague(&self) -> &Notebook {
        &self.team.phones[1]
    }

    fn place(&self) -> PathBuf {
        self.team.folder.path().join("phone-0")
    }

    /// The old worker logs a contact with so many sets.
    fn log(&self, on: &str, sets: i64) {
        if self.old().sites().unwrap().is_empty() {
            let bundle = self.coordinator().export_bundle().unwrap();
            self.old().import_bundle(&bundle).unwrap();
        }
        self.old().log(day(on), &[given(WhoDraft::default(), sets)]).unwrap();
    }

    /// The coordinator removes a device; everybody who stays learns of it.
    async fn remove(&self, device: Device) {
        self.coordinator().revoke(device, false).unwrap();
        for who in [self.coordinator(), self.colleague()] {
            who.sync(&self.relay.url).await.unwrap();
        }
    }

    /// The next worker's store on the same phone: new keys, another passphrase, an invitation with a role.
    async fn next(&self, role: Role) -> Notebook {
        let made =
            Notebook::create(&self.place(), &next_passphrase(), CreateOptions::cheapest()).unwrap();
        let request = made.request_to_join().unwrap();
        let (answer, words) = self.coordinator().invite(&request, role, &[]).unwrap();
        assert_eq!(made.join(&answer).unwrap(), words);
        for who in [self.coordinator(), &made] {
            who.sync(&self.relay.url).await.unwrap();
        }
        made
    }
}

/// Who logged what, as a store shows it.
fn shown(of: &Notebook) -> Vec<(String, Device, u64)> {
    let rows = of.contacts(&ContactFilter::default()).unwrap();
    let mut shown: Vec<_> =
        rows.iter().map(|row| (row.day.to_string(), row.author, row.sets())).collect();
    shown.sort();
    shown
}

fn does_not_open(folder: &Path, passphrase: &Passphrase) -> EngineError {
    match Notebook::open(folder, passphrase).unwrap_err() {
        Error::Engine(error) => error,
        other => panic!("{other}"),
    }
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for name in ["key.a", "key.b", "data.db", "data.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_work_is_acknowledged_goes_to_the_next_worker() {
    let office = Office::new().await;
    let (before, space) = (office.old().device().unwrap(), office.old().space().unwrap());
    office.log("2026-11-03", 4);
    let refused = office.old().hand_over(&Owed::default()).unwrap_err();
    assert!(
        matches!(refused, Error::Engine(EngineError::Owed { owed }) if owed.changes > 0),
        "{refused}"
    );
    // The phone syncs; the coordinator takes it, and says so with the next sync; the phone hears of it.
    for who in [office.old(), office.coordinator(), office.coordinator(), office.old()] {
        who.sync(&office.relay.url).await.unwrap();
    }
    assert_eq!(office.old().owed().unwrap(), Owed::default());
    office.old().hand_over(&Owed::default()).unwrap();
    assert!(matches!(does_not_open(&office.place(), &passphrase()), EngineError::NoStore));
    office.remove(before).await;

    let new = office.next(Role::Supervisor).await;
    assert!(matches!(does_not_open(&office.place(), &passphrase()), EngineError::Busy));
    let after = new.device().unwrap();
    assert_ne!(after, before);
    assert_eq!(new.space().unwrap(), space);
    let expected = vec![("2026-11-02".to_owned(), before, 3), ("2026-11-03".to_owned(), before, 4)];
    assert_eq!(shown(office.coordinator()), expected);
    assert_eq!(shown(&new), expected, "the new worker reads what the team has");
    new.lock().unwrap();
    assert!(matches!(does_not_open(&office.place(), &passphrase()), EngineError::WrongPassphrase));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_synced_survives_in_a_file_and_stays_the_old_worker_s() {
    let office = Office::new().await;
    let before = office.old().device().unwrap();
    office.log("2026-11-03", 4);
    let settled = office.old().owed().unwrap();
    let bundle = office.old().export_bundle().unwrap();
    office.log("2026-11-04", 9);
    let refused = office.old().hand_over(&settled).unwrap_err();
    assert!(matches!(refused, Error::Engine(EngineError::Owed { .. })), "not in the file");
    let settled = office.old().owed().unwrap();
    let last = office.old().export_bundle().unwrap();
    assert_ne!(bundle, last);
    office.old().hand_over(&settled).unwrap();

    assert!(office.coordinator().import_bundle(&last).unwrap().whole);
    office.remove(before).await;
    let new = office.next(Role::Educator).await;
    new.log(day("2026-11-05"), &[given(WhoDraft::default(), 5)]).unwrap();
    for who in [&new, office.coordinator(), office.colleague()] {
        who.sync(&office.relay.url).await.unwrap();
    }
    let after = new.device().unwrap();
    let expected = [("02", before, 3), ("03", before, 4), ("04", before, 9), ("05", after, 5)]
        .map(|(day, device, sets)| (format!("2026-11-{day}"), device, sets));
    for who in [office.coordinator(), office.colleague(), &new] {
        assert_eq!(shown(who), expected);
    }
    let row = |device| {
        let devices = office.coordinator().devices().unwrap();
        devices.into_iter().find(|row| row.device == device).unwrap()
    };
    assert!(row(before).removed && !row(after).removed);

    // Time passes for the keys: whose contacts they are does not change.
    for _ in 0..3 {
        office.coordinator().rotate().unwrap();
        for who in [office.coordinator(), &new, office.colleague()] {
            who.sync(&office.relay.url).await.unwrap();
        }
    }
    assert_eq!(shown(office.coordinator()), expected);
    assert_eq!(shown(&new), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_old_store_reads_nothing_of_the_next_worker() {
    let office = Office::new().await;
    let before = office.old().device().unwrap();
    for who in [office.coordinator(), office.old()] {
        who.sync(&office.relay.url).await.unwrap();
    }
    let image = office.team.folder.path().join("image");
    office.old().lock().unwrap();
    copied(&office.place(), &image);
    wipe(&office.place()).unwrap();
    office.remove(before).await;
    let new = office.next(Role::Educator).await;
    new.log(day("2026-11-05"), &[given(WhoDraft::default(), 5)]).unwrap();
    for who in [&new, office.coordinator()] {
        who.sync(&office.relay.url).await.unwrap();
    }
    assert_eq!(shown(office.coordinator()).len(), 2);
    let thief = Notebook::open(&image, &passphrase()).unwrap();
    let _ = thief.sync(&office.relay.url).await;
    let _ = thief.import_bundle(&office.coordinator().export_bundle().unwrap());
    assert_eq!(shown(&thief), [("2026-11-02".to_owned(), before, 3)]);
    // What it says itself, nobody takes.
    assert!(thief.log(day("2026-11-06"), &[given(WhoDraft::default(), 7)]).is_err());
}
