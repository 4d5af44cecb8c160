//! Two stores that meet without a relay.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::bench::{Bench, err, text};

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

/// Files go by the hands of somebody with no store, and one of them under a passphrase.
#[test]
fn carriers_hand_on_what_they_cannot_read() {
    let bench = Bench::with_team();
    bench.join("b", &[]);
    for (day, file) in [("2008-02-04", "one.hsb"), ("2008-02-05", "two.hsb")] {
        bench.ok("a", &["log", "--date", day, "--site", "KM-V", "--out", "swab=2"]);
        let file = bench.path(file);
        bench.ok("a", &["bundle", "export", file.to_str().unwrap()]);
    }
    // One is damaged behind its first frames, and among them is a letter.
    let mut damaged = std::fs::read(bench.path("one.hsb")).unwrap();
    damaged.extend([0; 512]);
    std::fs::write(bench.path("one.hsb"), damaged).unwrap();
    bench.write("letter.txt", "Dear all, the records are attached.\n");
    let carry =
        ["bundle", "carry", "--json", "--into", "all.hsb", "one.hsb", "letter.txt", "two.hsb"];
    let carried = bench.command(&carry).output().unwrap();
    assert_eq!(carried.status.code(), Some(0), "{}", err(&carried));
    let said: Value = serde_json::from_slice(&carried.stdout).unwrap();
    assert_eq!((&said["cut"], &said["left_out"][0]["file"]), (&json!(1), &json!("letter.txt")));
    let all = bench.path("all.hsb");
    assert_eq!(bench.json("b", &["bundle", "import", all.to_str().unwrap()])["contacts"], 2);

    bench.write("words", "stone river lamp cloud garden seven\n");
    bench.write("others", "river stone lamp cloud garden seven\n");
    let (wrapped, words) = (bench.path("wrapped.hsb"), bench.path("words"));
    let (wrapped, words) = (wrapped.to_str().unwrap(), words.to_str().unwrap());
    bench.ok("a", &["log", "--date", "2008-02-06", "--site", "KM-V", "--out", "swab=2"]);
    bench.ok("a", &["bundle", "export", wrapped, "--bundle-passphrase-file", words]);
    let others = bench.path("others");
    let wrong = ["bundle", "import", wrapped, "--bundle-passphrase-file", others.to_str().unwrap()];
    let refused = bench.on("b", &wrong).output().unwrap();
    assert_eq!(refused.status.code(), Some(7));
    assert!(err(&refused).contains("passphrase of the bundle"), "{}", err(&refused));
    let import = ["bundle", "import", wrapped, "--bundle-passphrase-file", words];
    assert_eq!(bench.json("b", &import)["contacts"], 1);
}
