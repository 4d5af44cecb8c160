//! What opens a store, and what ends it.

use std::process::Output;

use serde_json::{Value, json};

use crate::bench::{Bench, err, out, text, with_stdin};

/// The JSON of a command that opens a store with the passphrase of a file; what it says when it fails.
fn run(bench: &Bench, pass: &str, args: &[&str]) -> Result<Value, String> {
    let output = bench.on_with("a", pass, &[&["--json"], args].concat()).output().unwrap();
    shown(&output)
}

fn shown(output: &Output) -> Result<Value, String> {
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => {
            assert_eq!(out(output), "");
            let error: Value = serde_json::from_slice(&output.stderr).unwrap();
            assert!(error["error"]["hints"][0].is_string(), "{error}");
            Err(text(&error["error"], "message"))
        }
    }
}

fn refused(result: Result<Value, String>, expected: &str) {
    let said = result.unwrap_err();
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_passphrase_is_changed() {
    let bench = Bench::with_team();
    let suggestion =
        text(&run(&bench, "pass", &["passphrase", "--suggest"]).unwrap(), "suggestion");
    assert_eq!(suggestion.split(' ').count(), 6);
    bench.write("new", &suggestion);
    bench.write("weak", "123456");
    let change = |file: &str| run(&bench, "pass", &["passphrase", "--new-passphrase-file", file]);
    refused(change("weak"), "this passphrase is too weak: without a hardware key it must have 6");
    refused(change("gone"), "the passphrase file cannot be read");
    let unchanged = json!({ "changed": true, "recovery_dropped": false, "duress_dropped": false });
    assert_eq!(change("new").unwrap(), unchanged);
    refused(run(&bench, "pass", &["status"]), "does not open this store");
    run(&bench, "new", &["status"]).unwrap();
    let weak = ["passphrase", "--new-passphrase-file", "weak", "--weak-passphrase"];
    assert_eq!(run(&bench, "new", &weak).unwrap(), unchanged);
    run(&bench, "weak", &["status"]).unwrap();
    insta::assert_snapshot!(out(&bench.on_with("a", "weak", &weak).output().unwrap()), @"The passphrase was changed.");
}

#[test]
fn a_weak_passphrase_makes_no_store() {
    let bench = Bench::new();
    bench.write("weak", "123456");
    for command in [&["init"][..], &["join", "--request"], &["init", "--key-file", "card"]] {
        refused(run(&bench, "weak", command), "this passphrase is too weak");
    }
    assert!(!bench.path("a").exists() && !bench.path("card").exists());
    refused(run(&bench, "pass", &["init", "--wipe-after", "2"]), "wipe after must be");
    run(&bench, "weak", &["join", "--request", "--weak-passphrase"]).unwrap();
    let output = bench.on_with("a", "weak", &["status"]).output().unwrap();
    assert!(output.status.success());
}

#[test]
fn a_recovery_code_replaces_a_lost_passphrase() {
    let bench = Bench::with_team();
    let code = text(&run(&bench, "pass", &["recovery", "create"]).unwrap(), "code");
    assert_eq!(code.split(' ').count(), 12);
    bench.write("paper", code.to_uppercase());
    bench.write("slip", code.replacen(' ', "x ", 1));
    bench.write("zeros", format!("{}about", "abandon ".repeat(11)));
    bench.write("new", "one two three four five six");
    let rehearse =
        |paper: &str| run(&bench, "pass", &["recovery", "rehearse", "--code-file", paper]);
    assert_eq!(rehearse("paper").unwrap(), json!({ "opens": true }));
    refused(rehearse("slip"), "recovery code has a word that is not in the list: word 1");
    refused(rehearse("zeros"), "the recovery code does not open this store");
    let replace = |paper: &str| {
        let args = ["recovery", "use", "--code-file", paper, "--new-passphrase-file", "new"];
        run(&bench, "none", &args)
    };
    refused(replace("zeros"), "the recovery code does not open this store");
    // What opens the store otherwise is no recovery code.
    refused(replace("pass"), "recovery code must be twelve words");
    assert_eq!(replace("paper").unwrap(), json!({ "recovered": true }));
    refused(run(&bench, "pass", &["status"]), "does not open this store");
    run(&bench, "new", &["recovery", "rehearse", "--code-file", "paper"]).unwrap();
    let shown = bench.on_with("a", "new", &["recovery", "create"]).output().unwrap();
    let words = out(&shown).lines().next().unwrap().to_owned();
    insta::assert_snapshot!(out(&shown).replace(&words, "WORDS"), @"
    WORDS

    Write these words on paper and lock it away. They are shown this once.
    Then prove that they were copied well: haversack recovery rehearse
    ");
    refused(run(&bench, "new", &["recovery", "rehearse", "--code-file", "paper"]), "does not open");
}

#[test]
fn a_key_file_is_needed_and_can_be_lost() {
    let bench = Bench::new();
    bench.write("pin", "13572468");
    run(&bench, "pin", &["init", "--key-file", "card"]).unwrap();
    run(&bench, "pin", &["--key-file", "card", "status"]).unwrap();
    refused(run(&bench, "pin", &["status"]), "does not open this store");
    let code =
        text(&run(&bench, "pin", &["--key-file", "card", "recovery", "create"]).unwrap(), "code");
    bench.write("paper", code);
    std::fs::remove_file(bench.path("card")).unwrap();
    refused(run(&bench, "pin", &["--key-file", "card", "status"]), "there is no key file at card");
    let recover = ["recovery", "use", "--code-file", "paper", "--new-passphrase-file", "pin"];
    refused(run(&bench, "none", &recover), "too weak");
    run(&bench, "none", &[&["--key-file", "other"], &recover[..]].concat()).unwrap();
    run(&bench, "pin", &["--key-file", "other", "status"]).unwrap();
    refused(run(&bench, "pin", &["--key-file", "a/card", "init"]), "outside of the store's folder");
}

#[test]
fn the_duress_passphrase_destroys() {
    let bench = Bench::with_team();
    bench.ok("a", &["log", "--date", "2008-02-04", "--site", "KM-V", "--people", "1"]);
    bench.write("duress", "wild geese over an empty river tonight");
    let set = ["duress", "set", "--new-passphrase-file", "duress"];
    assert_eq!(run(&bench, "pass", &set).unwrap(), json!({ "duress": true }));
    assert_eq!(run(&bench, "pass", &["duress", "clear"]).unwrap(), json!({ "duress": false }));
    refused(run(&bench, "duress", &["status"]), "does not open this store");
    let same = ["duress", "set", "--new-passphrase-file", "pass"];
    refused(run(&bench, "pass", &same), "opens this store already");
    run(&bench, "pass", &set).unwrap();
    let status = run(&bench, "duress", &["status"]).unwrap();
    assert_eq!((&status["team"], &status["contacts"]), (&Value::Null, &json!(0)));
    refused(run(&bench, "pass", &["status"]), "does not open this store");
    run(&bench, "duress", &["join", "--request"]).unwrap();
}

#[test]
fn a_store_is_wiped_once() {
    let bench = Bench::with_team();
    refused(run(&bench, "none", &["wipe"]), "--yes is missing");
    run(&bench, "pass", &["status"]).unwrap();
    assert_eq!(run(&bench, "none", &["wipe", "--yes"]).unwrap(), json!({ "wiped": true }));
    assert_eq!(std::fs::read_dir(bench.path("a")).unwrap().count(), 0);
    refused(run(&bench, "none", &["wipe", "--yes"]), "there is no store in this folder");
    refused(run(&bench, "pass", &["status"]), "there is no store in this folder");
    run(&bench, "pass", &["init"]).unwrap();
}

#[test]
fn wrong_passphrases_wait_and_wipe() {
    let bench = Bench::new();
    bench.write("wrong", "seven words");
    run(&bench, "pass", &["init", "--wipe-after", "6"]).unwrap();
    for _ in 0..4 {
        refused(run(&bench, "wrong", &["status"]), "the passphrase does not open this store");
    }
    let output = bench.on("a", &["status"]).output().unwrap();
    assert!(output.status.success());
    insta::assert_snapshot!(err(&output), @"after so many wrong passphrases: waiting 1 s");
    for _ in 0..4 {
        refused(run(&bench, "wrong", &["status"]), "the passphrase does not open this store");
    }
    // With --json nothing but JSON is printed.
    refused(run(&bench, "wrong", &["status"]), "the passphrase does not open this store");
    refused(run(&bench, "wrong", &["status"]), "this store was wiped");
    refused(run(&bench, "pass", &["status"]), "there is no store in this folder");
}

/// The count stands in the header for everybody to read: so whoever typed wrong may know it too.
#[test]
fn a_wrong_passphrase_says_where_its_count_stands() {
    let bench = Bench::with_team();
    bench.write("wrong", "seven words");
    let wrong = |times: u32| {
        (1..times).for_each(|_| drop(run(&bench, "wrong", &["status"]).unwrap_err()));
        run(&bench, "wrong", &["status"]).unwrap_err()
    };
    insta::assert_snapshot!(wrong(1), @"the passphrase does not open this store: 1 wrong in a row");
    run(&bench, "pass", &["passphrase", "--wipe-after", "9"]).unwrap();
    insta::assert_snapshot!(wrong(4), @"the passphrase does not open this store: 4 wrong in a row; the next attempt waits 1 s; 5 more wipe the store");
    bench.write("zeros", format!("{}about", "abandon ".repeat(11)));
    let code = ["recovery", "use", "--code-file", "zeros"];
    let output = bench.on_with("a", "none", &[&["--json"], &code[..]].concat()).output().unwrap();
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["code"], json!("wrong_recovery_code"));
    let message = text(&error["error"], "message");
    assert!(message.contains("5 wrong in a row") && message.contains("4 more wipe"), "{message}");
    assert!(error["error"]["hints"][0].as_str().unwrap().contains("check the paper"), "{error}");
}

/// What is wrong is the file's name: nobody gives up a whole store over that.
#[test]
fn a_mistyped_key_file_says_nothing_about_the_store() {
    let bench = Bench::with_team();
    let output = bench.on("a", &["--key-file", "pass", "status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    insta::assert_snapshot!(err(&output), @"
    error: pass is not a key file
    hint: a store that was made without --key-file needs none: leave it out
    hint: otherwise name the file that it was made with; the store is as it was
    ");
    run(&bench, "pass", &["status"]).unwrap();
}

#[test]
fn what_is_missing_is_named() {
    let bench = Bench::with_team();
    let hint = |args: &[&str]| {
        let output = bench.on("a", &[&["--json"], args].concat()).output().unwrap();
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), &error["error"]["code"]),
            (Some(2), &json!("nothing_given"))
        );
        error["error"]["hints"][0].as_str().unwrap().rsplit(" --").next().unwrap().to_owned()
    };
    assert_eq!(hint(&["recovery", "rehearse"]), "code-file FILE");
    assert_eq!(hint(&["recovery", "rehearse", "--root"]), "share-file FILE");
    assert_eq!(hint(&["passphrase"]), "new-passphrase-file FILE");
    // A store that is not there is said to be so before anybody is asked for a secret.
    for command in [&["status"][..], &["recovery", "use"], &["wipe"]] {
        let output = bench.command(&[&["--store", "gone"], command].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{}", err(&output));
    }
}

#[test]
fn a_passphrase_comes_on_stdin_and_leaves_what_follows_it() {
    let bench = Bench::with_team();
    let args = ["--store", "a", "--stretch", "floor", "--passphrase-file", "-"];
    let status = [&args[..], &["status"]].concat();
    let output = with_stdin(bench.command(&status), "six words or more, please\nmore\n");
    assert!(output.status.success(), "{}", err(&output));
    let change = [&args[..], &["passphrase", "--new-passphrase-file", "-"]].concat();
    let both = "six words or more, please\none two three four five six\n";
    assert!(with_stdin(bench.command(&change), both).status.success());
    let again = with_stdin(bench.command(&status), "one two three four five six");
    assert!(again.status.success(), "{}", err(&again));
}

#[test]
fn how_many_wrong_passphrases_wipe_is_changed() {
    let bench = Bench::with_team();
    bench.write("wrong", "seven words");
    let set = |attempts: &str| run(&bench, "pass", &["passphrase", "--wipe-after", attempts]);
    refused(set("2"), "wipe after must be 0 for never, or 3");
    assert_eq!(set("0").unwrap(), json!({ "wipe_after": 0 }));
    assert_eq!(set("3").unwrap(), json!({ "wipe_after": 3 }));
    run(&bench, "pass", &["status"]).unwrap();
    refused(run(&bench, "wrong", &["status"]), "does not open this store");
    refused(run(&bench, "wrong", &["status"]), "does not open this store");
    refused(run(&bench, "wrong", &["status"]), "this store was wiped");
}

#[test]
fn lock_says_whether_somebody_has_it_open() {
    let bench = Bench::with_team();
    assert_eq!(run(&bench, "none", &["lock"]).unwrap(), json!({ "locked": true }));
    let passphrase = haversack::Passphrase::new(b"six words or more, please".to_vec()).unwrap();
    let notebook = haversack::Notebook::open(&bench.path("a"), &passphrase).unwrap();
    refused(run(&bench, "none", &["lock"]), "another process has this store open");
    // It is wiped all the same.
    run(&bench, "none", &["wipe", "--yes"]).unwrap();
    assert!(notebook.add_recovery().is_err());
    drop(notebook);
    refused(run(&bench, "none", &["lock"]), "there is no store in this folder");
}
