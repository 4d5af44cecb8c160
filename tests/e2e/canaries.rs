//! Nothing readable anywhere: canaries planted in every text and code field, searched for everywhere.

use std::path::Path;
use std::sync::{Arc, Mutex};

use data_encoding::{BASE64, HEXLOWER};
use haversack::model::*;
use haversack::{ContactDraft, RelayUrl, WhoDraft};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::team::{Team, day, relay};

/// Words of the field that nothing on disk may show, beside the planted ones.
pub(crate) const VOCABULARY: [&str; 12] = [
    "outing",
    "contact",
    "client",
    "needle",
    "syringe",
    "naloxone",
    "condom",
    "injecting",
    "outreach",
    "harm_reduction",
    "haversack",
    "mobile_van",
];

/// 40 canaries: as site codes and labels, which are the free texts there are, and every code list's own words.
pub(crate) fn canaries() -> Vec<String> {
    let planted = (0..20).flat_map(|n| [format!("ZQSITE-{n:03}"), format!("ZQLABEL-{n:03}")]);
    planted.collect()
}

fn codes() -> Vec<String> {
    let items = Item::ALL.iter().map(ToString::to_string);
    let services = Service::ALL.iter().map(ToString::to_string).filter(|code| code.len() > 5);
    let kinds = SiteKind::ALL.iter().map(ToString::to_string).filter(|code| code.len() > 5);
    items.chain(services).chain(kinds).filter(|code| code.len() > 6).collect()
}

/// A text in the encodings in which it could show: UTF-8, UTF-16 both ways, hex, base64 at each offset.
pub(crate) fn encodings(text: &str) -> Vec<Vec<u8>> {
    let utf16: Vec<u16> = text.encode_utf16().collect();
    let base64 = (0..3_usize).map(|offset| {
        let padded = [&vec![b' '; offset][..], text.as_bytes()].concat();
        let encoded = BASE64.encode(&padded);
        let (from, to) = (if offset == 0 { 0 } else { 4 }, padded.len() / 3 * 4);
        encoded.as_bytes()[from..to].to_vec()
    });
    let hex = HEXLOWER.encode(text.as_bytes());
    let mut all = vec![
        text.as_bytes().to_vec(),
        utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
    ];
    all.extend(base64);
    all
}

pub(crate) fn hits(bytes: &[u8], needles: &[String]) -> Vec<String> {
    let shows = |needle: &Vec<u8>| memmem::find(bytes, needle).is_some();
    needles.iter().filter(|text| encodings(text).iter().any(shows)).cloned().collect()
}

/// Every file below a folder, with its path as part of what is searched.
pub(crate) fn image(folder: &Path, out: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        out.extend_from_slice(path.file_name().unwrap().as_encoded_bytes());
        out.push(0);
        match path.is_dir() {
            true => image(&path, out),
            false => out.extend(std::fs::read(&path).unwrap()),
        }
    }
}

/// What lies in the system's temporary folders themselves, where a database would spill.
fn temporary() -> Vec<u8> {
    const SIZE_MAX: u64 = 16 << 20;
    let mut out = Vec::new();
    for folder in [std::env::temp_dir(), "/var/tmp".into()] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.metadata().is_ok_and(|found| found.is_file() && found.len() <= SIZE_MAX) {
                out.extend(std::fs::read(entry.path()).unwrap_or_default());
            }
        }
    }
    out
}

/// A line that keeps everything that goes over it.
pub(crate) async fn tapped(relay: &RelayUrl) -> (RelayUrl, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (to, capture) = (relay.authority(), Arc::new(Mutex::new(Vec::new())));
    let kept = capture.clone();
    tokio::spawn(async move {
        while let Ok((phone, _)) = listener.accept().await {
            let relay = TcpStream::connect(&to).await.unwrap();
            let (phone, relay) = (phone.into_split(), relay.into_split());
            tokio::spawn(copy(phone.0, relay.1, capture.clone()));
            tokio::spawn(copy(relay.0, phone.1, capture.clone()));
        }
    });
    (RelayUrl::new("127.0.0.1".into(), port, relay.relay()), kept)
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    capture: Arc<Mutex<Vec<u8>>>,
) {
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        capture.lock().unwrap().extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_shows_on_disk_or_on_the_wire() {
    let team = Team::new(1, 1);
    let running = relay(&team.folder.path().join("relay")).await;
    let (url, capture) = tapped(&running.url).await;
    plant(&team);
    let notebook = &team.coordinator;
    notebook.sync(&url).await.unwrap();
    team.phones[0].sync(&url).await.unwrap();
    let bundle = notebook.export_bundle().unwrap();
    let mut everything = Vec::new();
    image(team.folder.path(), &mut everything);
    everything.extend_from_slice(&bundle);
    let open = everything.clone();
    notebook.close().unwrap();
    team.phones[0].close().unwrap();
    everything.clear();
    image(team.folder.path(), &mut everything);
    let temporary = temporary();
    let wire = capture.lock().unwrap().clone();
    let sizes = (open.len(), everything.len(), wire.len());
    println!("searched: {sizes:?} bytes");
    assert!(sizes.0 > 50_000 && sizes.1 > 50_000 && sizes.2 > 5_000, "{sizes:?}");
    let needles = [canaries(), codes()].concat();
    let places = [("disk, open", &open), ("disk, closed", &everything), ("wire", &wire)];
    for (place, bytes) in places {
        assert_eq!(hits(bytes, &needles), Vec::<String>::new(), "{place}");
    }
    assert_eq!(hits(&temporary, &canaries()), Vec::<String>::new(), "temporary files");
    let vocabulary = VOCABULARY.map(str::to_owned);
    assert_eq!(hits(&everything, &vocabulary), Vec::<String>::new(), "vocabulary on disk");
    assert_eq!(hits(b"a needle in clear", &vocabulary), ["needle"], "the search can find");
}

pub(crate) fn plant(team: &Team) {
    let notebook = &team.coordinator;
    let kinds = SiteKind::ALL.iter().cycle();
    for (n, kind) in (0..20).zip(kinds) {
        let code = SiteCode::new(&format!("ZQSITE-{n:03}")).unwrap();
        let site =
            Site { code, kind: kind.clone(), setting: Some(Setting::FACILITY), closes: None };
        notebook.put_site(&site).unwrap();
        let label = Some(Label::new(&format!("ZQLABEL-{n:03}")).unwrap());
        notebook.add_clients(&[Client { label, ..Client::default() }]).unwrap();
    }
    for (n, item) in Item::ALL.iter().enumerate() {
        let site = SiteCode::new(&format!("ZQSITE-{:03}", n % 20)).unwrap();
        let line = Line { direction: Direction::Out, item: item.clone() };
        let who = WhoDraft::Anonymous { sex: Some(Sex::DECLINED), age: Some(AgeBand::UNDER_25) };
        let mut contact = ContactDraft::new(who, site).line(line, Quantity::new(3).unwrap());
        contact.services = Service::ALL.iter().cloned().collect();
        contact.mode = Mode::ALL.get(n % Mode::ALL.len()).cloned();
        notebook.log(day("2008-02-04"), &[contact]).unwrap();
    }
}
