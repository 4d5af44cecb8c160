//! What is refused: with which exit code, and what is said about it.

use std::fs;
use std::process::Stdio;

use haversack::{Notebook, Passphrase};
use serde_json::Value;

use crate::bench::{Bench, err, out, with_stdin};

/// A case: the arguments on the store `a`, the exit code, and what stderr holds.
type Case<'a> = (&'a [&'a str], i32, &'a str);

/// Runs each case, and checks that the store is as it was.
fn check(bench: &Bench, cases: &[Case<'_>]) {
    let before = bench.contacts("a");
    for (args, code, expected) in cases {
        let output = bench.on("a", args).output().unwrap();
        let said = err(&output);
        assert_eq!(
            (output.status.code(), out(&output).as_str()),
            (Some(*code), ""),
            "{args:?}: {said}"
        );
        assert!(said.starts_with("error: ") && said.contains(expected), "{args:?}: {said}");
        assert!(*code == 2 || said.contains("\nhint: "), "{args:?} without a hint: {said}");
    }
    assert_eq!(bench.contacts("a"), before);
}

#[test]
fn values_out_of_bounds() {
    let bench = Bench::with_team();
    let log = |args: &[&'static str]| [&["log", "--site", "KM-V"], args].concat();
    check(
        &bench,
        &[
            (&log(&["--date", "1999-12-31"]), 2, "date must lie between 2000-01-01 and 2079-12-31"),
            (&log(&["--date", "2080-01-01"]), 2, "date must lie between"),
            (&log(&["--date", "2008-02-30"]), 2, "date must be written as YYYY-MM-DD"),
            (&log(&["--out", "swab=-1"]), 2, "quantity must lie between 0 and 10000"),
            (&log(&["--in", "needle=10001"]), 2, "quantity must lie between"),
            (
                &log(&["--for-others", "needle=99999999999999999999"]),
                2,
                "quantity must lie between",
            ),
            (&log(&["--out", "swab"]), 2, "must be written as ITEM=NUMBER"),
            (&log(&["--out", "heroin=1"]), 2, "item must be one of"),
            (&log(&["--out", "condom=1"]), 2, "this item could be condom_m, condom_f"),
            (&log(&["--out", "swab=9000", "--out", "swab=9000"]), 7, "quantity must lie between"),
            (&log(&["--people", "0"]), 2, "people must lie between 1 and 1000"),
            (&log(&["--people", "-5"]), 2, "people must lie between"),
            (&log(&["--sex", "female"]), 2, "possible values: F, M, other"),
            (&log(&["--service", "massage"]), 2, "invalid value"),
            (&log(&["--people", "2", "--sex", "F"]), 2, "cannot be used with"),
            (&log(&["--file", "a.csv"]), 2, "cannot be used with"),
            (&["log", "--site", "KM-X"], 7, "this site is not known here"),
            (&["log", "--site", "not a code"], 7, "site must be 1 to 16"),
            (&["log"], 2, "--site is missing"),
            (&log(&[]), 2, "nothing is said of this contact"),
            (&log(&["--client", "nobody"]), 7, "this client is not known here"),
            (&["log", "--file", "week.xlsx"], 2, "ends in .csv or .json"),
            (&["log", "--file", "gone.csv"], 7, "gone.csv could not be read"),
            (&["client", "add", "--label", "Wang Xiaoming"], 2, "label must be 1 to 16"),
            (&["client", "add", "--label", "13812345678"], 2, "with at most 6 digits"),
            (
                &["client", "add", "--birth-year", "1980", "--band", "3"],
                7,
                "birth year must be a band",
            ),
            (&["client", "add", "--band", "5"], 2, "--birth-year"),
            (&["client", "add", "--need", "51"], 2, "injections a day must lie between"),
            (&["site", "add", "KM-Z", "--kind", "castle"], 2, "possible values: fixed_nsp"),
            (
                &["site", "add", "KM-Z", "--kind", "vct", "--closes", "25:00"],
                2,
                "closing time must",
            ),
            (
                &["report", "--from", "2008-02-01", "--to", "2008-02-01"],
                7,
                "the period ends before it begins",
            ),
            (&["report", "--from", "2008-02-01"], 2, "--to <YYYY-MM-DD>"),
            (&["sync"], 6, "no relay is named"),
            (&["sync", "--relay", "relay.example"], 2, "must begin with https://"),
            (&["sync", "--relay", "http://relay.example#00"], 2, "32 hex digits"),
            (&["invite", "--relay", "http://relay.example:80"], 2, "takes its id"),
            (&["fly"], 2, "unrecognized subcommand"),
        ],
    );
}

#[test]
fn stores_and_passphrases() {
    let bench = Bench::with_team();
    bench.write("wrong", "seven words\n");
    bench.write("empty", "");
    bench.write("a/stranger", "");
    check(
        &bench,
        &[
            (&["init"], 8, "this folder already holds a store"),
            (&["--passphrase-file", "wrong", "status"], 2, "cannot be used multiple times"),
        ],
    );
    let cases: [(&[&str], i32, &str); 9] = [
        (
            &["--store", "a", "--passphrase-file", "wrong", "status"],
            3,
            "the passphrase does not open this store",
        ),
        (
            &["--store", "a", "--passphrase-file", "wrong", "join", "--request"],
            3,
            "does not open this store",
        ),
        // An empty one is a slip, and counts as no attempt.
        (
            &["--store", "a", "--passphrase-file", "empty", "status"],
            7,
            "passphrase must have 1 to 1,024 bytes",
        ),
        (
            &["--store", "c", "--passphrase-file", "empty", "init"],
            7,
            "passphrase must have 1 to 1,024 bytes",
        ),
        (
            &["--store", "a", "--passphrase-file", "gone", "status"],
            7,
            "the passphrase file cannot be read",
        ),
        (
            &["--store", "a", "--passphrase-file", "a", "status"],
            7,
            "the passphrase file cannot be read",
        ),
        (&["--store", "a", "status"], 2, "no terminal to ask for the passphrase"),
        (
            &["--store", "b", "--passphrase-file", "pass", "status"],
            4,
            "there is no store in this folder",
        ),
        (&["--passphrase-file", "pass", "status"], 2, "no store is named"),
    ];
    for (args, code, expected) in cases {
        let output = bench.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(expected), "{args:?}: {}", err(&output));
        assert!(err(&output).contains("\nhint: "), "{args:?}: {}", err(&output));
    }
    let named = bench
        .command(&["--passphrase-file", "pass", "status"])
        .env("HAVERSACK_STORE", "a")
        .output();
    assert!(named.unwrap().status.success());
    assert!(!bench.path("b").exists());
}

#[test]
fn the_order_of_joining() {
    let bench = Bench::with_team();
    let request = bench.ok("b", &["join", "--request"]);
    let refused = |store: &str, args: &[&str], stdin: &str, code: i32, expected: &str| {
        let output = with_stdin(bench.on(store, args), stdin);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(err(&output).contains(expected), "{args:?}: {}", err(&output));
    };
    refused("b", &["log", "--site", "KM-V"], "", 4, "this store is in no space yet");
    refused(
        "b",
        &["sync", "--relay", "http://127.0.0.1:9"],
        "",
        4,
        "this store is in no space yet",
    );
    refused("b", &["bundle", "export", "x.hsb"], "", 4, "this store is in no space yet");
    refused("b", &["invite"], &request, 4, "this store is in no space yet");
    refused("a", &["join", "--request"], "", 8, "this store is in a space already");
    refused("a", &["invite"], "HSA1-AAAAA", 7, "this request is not one");
    let slip: String = [&request[..60], &request[61..]].concat();
    refused("a", &["invite"], &slip, 7, "this request has a slip in it");
    refused("a", &["invite"], &request[..60], 7, "request");
    let answer = bench.ok("a", &["invite", request.lines().next().unwrap()]);
    refused("b", &["join"], &answer[..100], 7, "answer");
    refused("b", &["join", "HSA1-AAAAA"], "", 7, "answer");
    let asked_again = bench.ok("b", &["join", "--request"]);
    refused("b", &["join"], &answer, 7, "this answer is for another request");
    let answer = with_stdin(bench.on("a", &["invite", "-"]), &asked_again);
    assert!(with_stdin(bench.on("b", &["join", "-"]), &out(&answer)).status.success());
    refused("b", &["join"], &out(&answer), 8, "this store is in a space already");
    refused("b", &["invite"], &request, 8, "this device's role does not allow to invite");
    let output = bench.on("b", &["join", "--request", "HSA1-AAAAA"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn bundles() {
    let bench = Bench::with_team();
    bench.ok("a", &["log", "--date", "2008-02-04", "--site", "KM-V", "--people", "1"]);
    bench.ok("stranger", &["init"]);
    bench.ok("stranger", &["bundle", "export", "foreign.hsb"]);
    bench.ok("a", &["bundle", "export", "own.hsb"]);
    let bytes = fs::read(bench.path("own.hsb")).unwrap();
    bench.write("cut.hsb", &bytes[..bytes.len() - 1]);
    bench.write("text.hsb", "hello");
    let huge = fs::File::create(bench.path("huge.hsb")).unwrap();
    huge.set_len((512 << 20) + 1).unwrap();
    check(
        &bench,
        &[
            (&["bundle", "import", "gone.hsb"], 7, "gone.hsb could not be read"),
            (&["bundle", "import", "text.hsb"], 7, "text.hsb: bundle: is not a bundle file"),
            (&["bundle", "import", "foreign.hsb"], 7, "this bundle is of another space"),
            (&["bundle", "import", "cut.hsb"], 7, "the bundle ends too early"),
            (&["bundle", "import", "huge.hsb"], 7, "huge.hsb is larger than 512 MiB"),
            (&["bundle", "import", "a"], 7, "a could not be read"),
            (&["bundle", "export", "own.hsb"], 7, "own.hsb is there already"),
            (&["bundle", "export", "gone/own.hsb"], 7, "own.hsb could not be written"),
        ],
    );
    assert_eq!(fs::read(bench.path("own.hsb")).unwrap(), bytes);
    bench.ok("a", &["bundle", "export", "--force", "own.hsb"]);
    let left = fs::read_dir(bench.path(".")).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".haversack-")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_second_process() {
    let bench = Bench::with_team();
    let passphrase = Passphrase::new(b"six words or more, please".to_vec()).unwrap();
    let notebook = Notebook::open(&bench.path("a"), &passphrase).unwrap();
    let output = bench.on("a", &["status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    insta::assert_snapshot!(err(&output), @"
    error: another process has this store open
    hint: wait until the other haversack is done, or close the app that has this store open
    ");
    notebook.close().unwrap();
    bench.ok("a", &["status"]);
}

#[test]
fn a_damaged_store_is_left_as_it_is() {
    let bench = Bench::with_team();
    let files =
        || ["key.a", "key.b", "data.db"].map(|name| fs::read(bench.path("a").join(name)).unwrap());
    let whole = files();
    for (name, what) in [("data.db", "database"), ("key", "header")] {
        let targets = if name == "key" { vec!["key.a", "key.b"] } else { vec![name] };
        for target in &targets {
            let path = bench.path("a").join(target);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
        let cut = files();
        let output = bench.on("a", &["status"]).output().unwrap();
        assert_eq!(output.status.code(), Some(9), "{name}");
        let said = err(&output);
        assert!(said.contains(what) && said.contains("hint: keep the folder as it is"), "{said}");
        // An attempt is counted in the header.
        let kept = if name == "key" { 0..2 } else { 2..3 };
        assert!(files()[kept.clone()] == cut[kept], "{name}");
        for (target, bytes) in ["key.a", "key.b", "data.db"].iter().zip(&whole) {
            fs::write(bench.path("a").join(target), bytes).unwrap();
        }
    }
    bench.ok("a", &["status"]);
}

/// The header is what guesses are tried on, and the size of a database tells how much there is: nobody else on the machine needs to see
/// them, wherever the folder lies and however it was made.
#[cfg(unix)]
#[test]
fn a_store_and_a_bundle_are_their_owner_s() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    bench.ok("deep/down/a", &["init"]);
    bench.ok("deep/down/a", &["bundle", "export", "own.hsb"]);
    let mode = |name: &str| fs::metadata(bench.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("deep/down/a"), mode("own.hsb")), (0o700, 0o600));
    for file in fs::read_dir(bench.path("deep/down/a")).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.file_name().display());
    }
}

#[test]
fn errors_as_json() {
    let bench = Bench::with_team();
    for (args, exit, code) in [
        (&["--json", "log", "--site", "KM-X"][..], 7, "unknown"),
        (&["--json", "log", "--out", "swab=many"], 2, "usage"),
        (&["--json", "sync"], 6, "no_relay"),
        (&["sync", "--json", "--relay", "http://127.0.0.1:1"], 6, "unreachable"),
        (&["--json", "init"], 8, "store_exists"),
        (&["--json", "passphrase", "--new-passphrase-file", "gone"], 7, "passphrase_file"),
    ] {
        let output = bench.on("a", args).output().unwrap();
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(exit), ""), "{args:?}");
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["error"]["code"], code, "{error}");
        assert!(error["error"]["message"].is_string(), "{error}");
        assert!(error["error"]["hints"][0].is_string(), "{error}");
    }
}

/// What codes and exit codes there are is a promise: the page that says so is the list itself.
#[test]
fn exit_codes() {
    let bench = Bench::new();
    let output = bench.command(&["exit-codes"]).output().unwrap();
    insta::assert_snapshot!(out(&output));
    let json = bench.command(&["--json", "exit-codes"]).output().unwrap();
    let endings: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
    let page = include_str!("../../../../docs/OPERATIONS.md");
    for ending in endings {
        let codes: Vec<&str> =
            ending["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
        let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        let (exit, meaning) = (&ending["exit"], ending["meaning"].as_str().unwrap());
        let row = format!("| {exit} | {meaning} | {} |", codes.join(", "));
        assert!(page.contains(&row), "docs/OPERATIONS.md lacks: {row}");
    }
}

#[test]
fn nobody_reads_the_output() {
    let bench = Bench::with_team();
    let mut child = bench.on("a", &["site", "list"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(141));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_output() {
    let bench = Bench::with_team();
    let full = fs::File::create("/dev/full").unwrap();
    let output = bench.on("a", &["site", "list"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    insta::assert_snapshot!(err(&output), @"
    error: the result could not be written
    caused by: No space left on device (os error 28)
    hint: make room on the disk, then run the same command again
    ");
}
