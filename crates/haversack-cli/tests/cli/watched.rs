//! What a relay process says and keeps, for whoever reads its output and its folder (CT-4).

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use crate::bench::{Bench, text};

/// What a coordinator and a phone write, of which a relay may show nothing.
const PLANTED: [&str; 4] = ["ZQSITE-001", "ZQLABEL-001", "swab", "fixed_nsp"];

fn everything(folder: &Path, out: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => everything(&entry, out),
            false => out.extend(std::fs::read(entry).unwrap()),
        }
    }
}

fn shown(bytes: &[u8], texts: &[&str]) -> Vec<String> {
    let shows = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    texts.iter().filter(|text| shows(text)).map(ToString::to_string).collect()
}

#[test]
fn a_relay_process_says_nothing_of_who_came_and_what_they_brought() {
    let bench = Bench::with_team();
    let data = bench.path("relay");
    let serve =
        ["--json", "relay", "serve", "--listen", "127.0.0.1:0", "--stop-with-stdin", "--data"];
    let mut command = bench.command(&serve);
    command.arg(&data).env("RUST_LOG", "trace");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let url = text(&serde_json::from_str(&line).unwrap(), "url");

    bench.join("b", &["--relay", &url]);
    bench.ok("a", &["site", "add", "ZQSITE-001", "--kind", "fixed_nsp"]);
    bench.ok("a", &["client", "add", "--label", "ZQLABEL-001"]);
    ["a", "b"].iter().for_each(|store| drop(bench.json(store, &["sync"])));
    let contact = [
        "log",
        "--date",
        "2008-02-04",
        "--site",
        "ZQSITE-001",
        "--client",
        "ZQLABEL-001",
        "--out",
        "swab=2",
    ];
    bench.ok("b", &contact);
    ["b", "a"].iter().for_each(|store| drop(bench.json(store, &["sync"])));
    assert_eq!(shown(bench.ok("a", &["contacts"]).as_bytes(), &["ZQSITE-001"]), ["ZQSITE-001"]);

    drop(child.stdin.take());
    let mut said = Vec::new();
    stdout.read_to_end(&mut said).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    let mut kept = Vec::new();
    everything(&data, &mut kept);
    assert!(kept.len() > 4_096);
    assert_eq!(shown(&kept, &PLANTED), Vec::<String>::new());
    // Of who came: no address, no path, no mailbox. (Its own address is in the one line that was read.)
    assert_eq!(shown(&said, &PLANTED), Vec::<String>::new());
    assert_eq!(shown(&said, &["127.0.0.1", "/v1/sync", "mailbox"]), Vec::<String>::new());
    // The libraries below it say nothing at all.
    assert_eq!(shown(&said, &["TRACE", "DEBUG", "hyper"]), Vec::<String>::new());
}

/// Whoever runs a relay is told what is wrong with it.
#[test]
fn a_relay_process_tells_its_operator_what_is_wrong() {
    let bench = Bench::with_team();
    let data = bench.path("relay");
    let serve = ["--json", "relay", "serve", "--listen", "127.0.0.1:0", "--stop-with-stdin"];
    let mut command = bench.command(&serve);
    command.args(["--tls-self-signed", "--data"]).arg(&data);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = text(&serde_json::from_str(&line).unwrap(), "url");
    // A renewal that went wrong: the certificate from before goes on.
    std::fs::write(data.join("tls.pem"), "no certificate").unwrap();
    bench.ok("a", &["sync", "--relay", &url]);
    drop(child.stdin.take());
    let mut said = Vec::new();
    child.stderr.take().unwrap().read_to_end(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(shown(&said, &["the certificate is not read again"]).len(), 1);
    assert_eq!(shown(&said, &["127.0.0.1", "no certificate"]), Vec::<String>::new());
}
