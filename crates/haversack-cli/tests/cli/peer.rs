//! Two stores that meet without a relay.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::bench::{Bench, text};

#[test]
fn one_phone_shows_an_address_and_another_comes() {
    let bench = Bench::with_team();
    bench.join("b", &[]);
    bench.ok("a", &["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=2"]);
    let args = ["--json", "peer", "serve", "--listen", "127.0.0.1:0", "--stop-with-stdin"];
    let mut command = bench.on("a", &args);
    let mut serving = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(serving.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let listening: Value = serde_json::from_str(&line).unwrap();
    let met = bench.json("b", &["sync", "--peer", &text(&listening, "code")]);
    assert_eq!((&met["contacts"], &met["requests"]), (&json!(1), &json!(1)));
    assert_eq!(met["relay"], listening["url"]);
    let said = bench.ok("b", &["sync", "--peer", &text(&listening, "url")]);
    assert!(said.contains("handed over, not yet acknowledged"), "{said}");
    drop(serving.stdin.take());
    let mut end = String::new();
    stdout.read_to_string(&mut end).unwrap();
    assert_eq!(serving.wait().unwrap().code(), Some(0));
    assert_eq!(serde_json::from_str::<Value>(&end).unwrap()["answered"], 2);
    assert_eq!(bench.records("a"), bench.records("b"));
}
