//! What tells this program from others (CT-5): it connects when it is told to, and never otherwise; what goes over the wire names
//! nothing.

use std::path::{Path, PathBuf};

use haversack::model::*;
use haversack::{ContactFilter, CreateOptions, Notebook, Period};

use crate::canaries::{VOCABULARY, canaries, hits, plant, tapped};
use crate::forensic::process::{FOLDER, Subject, wait_at};
use crate::team::{Team, day, given, passphrase, relay, van};

/// What the other process does; a pass of nothing when nobody asks for it. It has no runtime: nothing could connect behind its
/// back but a thread of its own.
#[test]
fn subject() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let notebook =
        Notebook::create(&folder.join("store"), &passphrase(), CreateOptions::cheapest());
    let notebook = notebook.unwrap();
    notebook.found_space().unwrap();
    notebook.put_site(&van()).unwrap();
    wait_at("made");
    let client = notebook.add_clients(&[Client::default()]).unwrap()[0];
    notebook.log(day("2008-02-04"), &[given(haversack::WhoDraft::Client(client), 5)]).unwrap();
    let period = Period::new(day("2008-02-01"), day("2008-03-01")).unwrap();
    notebook.report(&period).unwrap();
    notebook.export_bundle().unwrap();
    notebook.erase_client(client).unwrap();
    assert_eq!(notebook.contacts(&ContactFilter::default()).unwrap().len(), 1);
    wait_at("used");
    notebook.close().unwrap();
    wait_at("closed");
    let notebook = Notebook::open(&folder.join("store"), &passphrase()).unwrap();
    notebook.status().unwrap();
    wait_at("opened");
}

#[cfg(target_os = "linux")]
fn sockets(process: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_notebook_that_is_opened_used_and_closed_has_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let mut subject = Subject::start("quiet::subject", folder.path());
    for step in ["made", "used", "closed", "opened"] {
        subject.reached(step);
        assert_eq!(sockets(subject.id()), 0, "{step}");
        subject.go_on();
    }
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(sockets(std::process::id()) > 0, "the search can find");
}

/// The only files of the libraries in which a socket is named.
const SOCKETS: [&str; 2] = ["crates/haversack/src/", "crates/haversack-relay/src/"];

#[test]
fn only_the_client_and_the_relay_name_sockets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut naming = Vec::new();
    for folder in [
        "crates/haversack-wire",
        "crates/haversack-core",
        "crates/haversack-report",
        "crates/haversack",
    ] {
        walk(&root.join(folder).join("src"), &mut |path, text| {
            let names = ["TcpStream", "UdpSocket", "UnixStream", "ToSocketAddrs", "lookup_host"];
            if names.iter().any(|name| text.contains(name)) {
                naming.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        });
    }
    assert!(!naming.is_empty(), "the search can find");
    let allowed = |path: &&String| SOCKETS.iter().any(|folder| path.starts_with(folder));
    assert!(naming.iter().all(|path| allowed(&path)), "{naming:?}");
}

fn walk(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => walk(&path, look),
            path => look(&path, &std::fs::read_to_string(&path).unwrap_or_default()),
        }
    }
}

/// The heads of what went over a line: of requests, or of answers.
fn heads<'a>(wire: &'a [u8], starts: &[&str]) -> Vec<&'a str> {
    let mut heads = Vec::new();
    for start in starts {
        for at in memchr::memmem::find_iter(wire, start) {
            let end = memchr::memmem::find(&wire[at..], b"\r\n\r\n").unwrap();
            heads.extend(std::str::from_utf8(&wire[at..at + end]));
        }
    }
    heads
}

fn names(head: &str) -> Vec<String> {
    let lines = head.lines().skip(1);
    lines.map(|line| line.split(':').next().unwrap().to_lowercase()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_over_the_wire_names_nothing() {
    let team = Team::new(1, 1);
    let running = relay(&team.folder.path().join("relay")).await;
    let (url, capture) = tapped(&running.url).await;
    plant(&team);
    assert!(capture.lock().unwrap().is_empty(), "nothing was said that nobody asked for");
    team.coordinator.sync(&url).await.unwrap();
    team.phones[0].sync(&url).await.unwrap();
    let wire = capture.lock().unwrap().clone();
    let (asked, answered) = (heads(&wire, &["GET /", "POST /"]), heads(&wire, &["HTTP/1.1 200"]));
    println!("{asked:?}\n{answered:?}");
    assert!(asked.len() >= 4 && answered.len() >= 4);
    for head in &asked {
        let known = ["host", "content-length"];
        assert!(names(head).iter().all(|name| known.contains(&name.as_str())), "{head}");
        assert!(head.starts_with("GET /v1/relay/") || head.starts_with("POST /v1/sync "), "{head}");
    }
    for head in &answered {
        let known = ["date", "content-type", "content-length", "transfer-encoding", "connection"];
        assert!(names(head).iter().all(|name| known.contains(&name.as_str())), "{head}");
    }
    let mut needles = canaries();
    needles.extend(VOCABULARY.map(str::to_owned));
    assert_eq!(hits(&wire, &needles), Vec::<String>::new());
    assert_eq!(hits(b"a needle in clear", &needles), ["needle"], "the search can find");
}
