//! A phone that goes to its next worker.

use serde_json::json;

use crate::bench::{Bench, RelayProcess, text};

const LOG: [&str; 7] = ["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=2"];

/// A coordinator `a` without the root key, and a phone `b` with one contact that is nowhere else.
fn team() -> (Bench, RelayProcess) {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    bench.join("b", &["--relay", &relay.url()]);
    ["a", "b"].iter().for_each(|store| drop(bench.json(store, &["sync"])));
    bench.ok("b", &LOG);
    (bench, relay)
}

fn hand_over(args: &[&'static str]) -> Vec<&'static str> {
    [&["device", "hand-over", "--yes"], args].concat()
}

#[test]
fn nothing_is_lost_on_the_way_through_a_relay() {
    let (bench, _relay) = team();
    let old = bench.own("b");
    let owed = "nobody is known to have, of this device: changes 1, decisions about the team 0, frames of others 0";
    assert_eq!(bench.refused("b", &hand_over(&[]))["message"], owed);
    bench.json("b", &["sync"]);
    assert_eq!(bench.refused("b", &hand_over(&[]))["message"], owed, "a relay is not a person");
    ["a", "a", "b"].iter().for_each(|store| drop(bench.json(store, &["sync"])));
    assert_eq!(
        bench.refused("b", &["device", "hand-over"])["message"],
        "this cannot be taken back, and there is no terminal to ask on"
    );
    let shown = bench.ok("b", &hand_over(&[]));
    insta::assert_snapshot!(shown.replace(&old, "OLD").replace(&old[..8], "OLD"), @"
    The store of OLD was wiped.

    At a coordinator's, in this order:
      haversack device revoke OLD
    Then on this device, by its next worker: haversack join --request
    ");
    assert_eq!(std::fs::read_dir(bench.path("b")).unwrap().count(), 0);
    bench.json("a", &["device", "revoke", &old[..8], "--yes"]);
    bench.write("pass", "another six words for another worker");
    let request = text(&bench.json("b", &["join", "--request"]), "request");
    bench.write("pass", "six words or more, please");
    let invitation = bench.json_from("a", &["invite"], &request);
    bench.json("a", &["sync"]);
    bench.write("pass", "another six words for another worker");
    bench.json_from("b", &["join"], &text(&invitation, "answer"));
    bench.json("b", &["sync"]);
    let contacts = bench.contacts("b");
    assert_eq!(contacts.as_array().unwrap().len(), 1);
    assert_eq!(contacts[0]["author"], json!(old));
    assert_ne!(bench.own("b"), old);
}

#[test]
fn nothing_is_lost_on_the_way_through_a_file() {
    let (bench, _relay) = team();
    let old = bench.own("b");
    bench.write("card", "something else");
    let there = bench.refused("b", &hand_over(&["--bundle", "card"]));
    assert_eq!(there["message"], "card is there already");
    let done = bench.json("b", &hand_over(&["--bundle", "card", "--force"]));
    let expected =
        json!({ "wiped": true, "device": old, "space": null, "bundle": "card", "changes_lost": 0 });
    assert_eq!(done, expected);
    assert_eq!(bench.refused("b", &["status"])["message"], "there is no store in this folder");
    assert_eq!(bench.json("a", &["bundle", "import", "card"])["contacts"], json!(1));
    bench.json("a", &["device", "revoke", &old, "--yes"]);
    assert_eq!(bench.contacts("a")[0]["author"], json!(old));
}

#[test]
fn what_nobody_takes_any_more_is_lost_only_when_somebody_says_so() {
    let (bench, _relay) = team();
    let old = bench.own("b");
    bench.json("a", &["device", "revoke", &old, "--yes"]);
    bench.json("a", &["sync"]);
    bench.json("b", &["sync"]);
    for args in [&[][..], &["--bundle", "card"]] {
        let said = bench.refused("b", &hand_over(args));
        let message = text(&said, "message");
        assert!(
            message.starts_with("this device was removed, and nobody takes what it has"),
            "{said}"
        );
        assert!(message.contains("changes 1,"), "{said}");
    }
    assert!(!bench.path("card").exists());
    let shown = bench.ok("b", &hand_over(&["--lose-unsent"]));
    assert!(shown.contains("\nLost with it: 1 change.\n"), "{shown}");
    assert_eq!(std::fs::read_dir(bench.path("b")).unwrap().count(), 0);
}

#[test]
fn the_root_key_is_put_on_paper_first() {
    let bench = Bench::with_team();
    for args in [&[][..], &["--bundle", "card"], &["--lose-unsent"]] {
        let said = bench.refused("a", &hand_over(args));
        assert_eq!(said["message"], "this store keeps the team's root key");
    }
    assert!(!bench.path("card").exists());
    bench.json("a", &["recovery", "forget-root", "--yes"]);
    let said = bench.refused("a", &hand_over(&[]));
    assert!(text(&said, "message").contains("decisions about the team 2"), "{said}");
    bench.json("a", &hand_over(&["--lose-unsent"]));
}

#[test]
fn each_space_owes_its_own_team() {
    let (bench, _relay) = team();
    bench.ok("b", &["space", "create", "clinic"]);
    let both = hand_over(&["--lose-unsent"]);
    let said = bench.refused("b", &both);
    assert_eq!(said["message"], "this store holds further spaces: each is given up before it");
    let clinic = hand_over(&["--space", "clinic", "--lose-unsent"]);
    assert_eq!(bench.refused("b", &clinic)["message"], "this store keeps the team's root key");
    bench.ok("b", &["recovery", "forget-root", "--yes", "--space", "clinic"]);
    let decisions = bench.refused("b", &hand_over(&["--space", "clinic"]));
    assert!(
        text(&decisions, "message").contains("changes 0, decisions about the team 2"),
        "{decisions}"
    );
    let other = text(&bench.json("b", &clinic), "device");
    assert_ne!(other, bench.own("b"), "another device in each of its teams");
    let spaces = bench.json("b", &["space", "list"]);
    assert_eq!(spaces.as_array().unwrap().len(), 1);
    bench.ok("b", &both);
    assert_eq!(std::fs::read_dir(bench.path("b")).unwrap().count(), 0);
}

#[test]
fn a_request_is_taken_back() {
    let bench = Bench::with_team();
    let request = text(&bench.json("b", &["join", "--request"]), "request");
    let answer = text(&bench.json_from("a", &["invite"], &request), "answer");
    assert!(bench.ok("b", &["status"]).starts_with("in no team yet: a request waits"));
    assert_eq!(bench.json("b", &["join", "--forget"]), json!({ "forgotten": true }));
    assert_eq!(bench.json("b", &["status"])["request_pending"], json!(false));
    bench.write("answer", answer);
    let said = bench.refused("b", &["join", "--file", "answer"]);
    assert_eq!(said["message"], "this answer has no request here that it could answer");
    let said = bench.refused("b", &["join", "--forget"]);
    assert_eq!(said["message"], "this request is not known here");
}
