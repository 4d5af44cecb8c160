//! Several teams in one store: a device that works for the street team and for the clinic.

use serde_json::{Value, json};

use crate::bench::{Bench, err, out, text};

fn refused(bench: &Bench, args: &[&str]) -> String {
    let output = bench.on("a", args).output().unwrap();
    assert!(!output.status.success() && out(&output).is_empty(), "{args:?}: {}", out(&output));
    err(&output)
}

fn labels(clients: &Value) -> Vec<String> {
    clients.as_array().unwrap().iter().map(|client| text(client, "label")).collect()
}

#[test]
fn a_further_team_is_founded_used_renamed_and_dropped() {
    let bench = Bench::with_team();
    let made = bench.json("a", &["space", "create", "clinic", "--site", "MMT-1=oamt_clinic"]);
    assert_eq!(made, json!({"created": true, "name": "clinic", "sites": 1}));
    bench.ok("a", &["--space", "clinic", "client", "add", "--label", "LOTUS-27"]);
    assert_eq!(labels(&bench.json("a", &["--space", "clinic", "client", "list"])), ["LOTUS-27"]);
    assert!(!labels(&bench.json("a", &["client", "list"])).contains(&"LOTUS-27".to_owned()));
    bench.ok("a", &["space", "rename", "clinic", "health"]);
    let spaces = bench.json("a", &["space", "list"]);
    assert_eq!((&spaces[0]["name"], &spaces[1]["name"]), (&json!(null), &json!("health")));
    assert_ne!(spaces[0]["team"]["space"], spaces[1]["team"]["space"]);
    assert_eq!(spaces[1]["team"]["role"], json!("coordinator"));
    let unasked = refused(&bench, &["space", "drop", "health"]);
    assert!(unasked.contains("no terminal to ask"), "{unasked}");
    bench.ok("a", &["space", "drop", "health", "--yes"]);
    assert_eq!(bench.json("a", &["space", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_further_team_is_joined_by_invitation() {
    let bench = Bench::with_team();
    bench.ok("a", &["space", "create", "clinic"]);
    bench.join("b", &[]);
    let clinic = ["--space", "clinic"];
    let request = bench.json("b", &[&["join", "--request"], &clinic[..]].concat());
    assert_eq!(bench.json("b", &["space", "list"])[1], json!({"name": "clinic", "team": null}));
    let invite = ["invite", "--role", "clinic", request["request"].as_str().unwrap()];
    let invited = bench.json("a", &[&invite[..], &clinic].concat());
    let answer = invited["answer"].as_str().unwrap();
    let joined = bench.json("b", &[&["join", answer], &clinic[..]].concat());
    assert_eq!(joined["words"], invited["words"]);
    let spaces = bench.json("b", &["space", "list"]);
    assert_eq!(spaces[0]["team"]["role"], json!("educator"));
    assert_eq!(spaces[1]["team"]["role"], json!("clinic"));
    assert_eq!(spaces[1]["team"]["space"], bench.json("a", &["space", "list"])[1]["team"]["space"]);
}

#[test]
fn what_is_done_to_a_whole_store_takes_no_space() {
    let bench = Bench::with_team();
    bench.ok("a", &["space", "create", "clinic"]);
    for args in [&["wipe", "--yes"][..], &["lock"], &["space", "list"], &["init"]] {
        let said = refused(&bench, &[&["--space", "clinic"], args].concat());
        assert!(said.contains("whole store"), "{args:?}: {said}");
    }
    let said = refused(&bench, &["--space", "clinic", "recovery", "create"]);
    assert!(said.contains("opens with the store that it is in"), "{said}");
    let said = refused(&bench, &["--space", "office", "status"]);
    assert!(said.contains("haversack space create NAME"), "{said}");
    assert_eq!(bench.json("a", &["space", "list"]).as_array().unwrap().len(), 2);
}
