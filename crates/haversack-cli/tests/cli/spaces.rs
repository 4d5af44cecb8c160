//! Several teams in one store: a device that works for the street team and for the clinic.

use serde_json::{Value, json};

use crate::bench::{Bench, Following, RelayProcess, err, out, text};

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

/// An office that is in the street team and in the clinic's, a phone of the street team, a nurse of the clinic.
#[test]
fn what_is_dropped_on_the_street_is_read_in_the_clinic_alone() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    bench.join("phone", &["--relay", &relay.url()]);
    bench.ok("a", &["space", "create", "clinic"]);
    let request = text(&bench.json("nurse", &["join", "--request"]), "request");
    let invite = ["--space", "clinic", "invite", "--role", "clinic", "--relay", &relay.url()];
    let answer = text(&bench.json_from("a", &invite, &request), "answer");
    bench.json_from("nurse", &["join"], &answer);
    let linked = bench.json("a", &["space", "link", "clinic"]);
    assert_eq!(linked, json!({"linked": true, "drop_box": "clinic"}));
    for store in ["a", "phone"] {
        bench.json(store, &["sync"]);
    }
    assert_eq!(bench.json("phone", &["space", "list"])[0]["team"]["drop_boxes"], json!(["clinic"]));
    let log = ["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=7"];
    let dropped = bench.json("phone", &[&log[..], &["--drop", "clinic"]].concat());
    let expected = json!({"saved": 1, "contacts": [], "dropped": "clinic", "dates_ahead": []});
    assert_eq!(dropped, expected);
    assert_eq!(bench.json("phone", &["status"])["own"]["here_only"], json!(1));
    bench.json("phone", &["sync"]);
    let synced = bench.json("a", &["sync"]);
    assert_eq!((&synced["carried"], &synced["spaces"][0]["name"]), (&json!(1), &json!("clinic")));
    bench.json("nurse", &["sync"]);
    let count = |args: &[&str], store| bench.json(store, args).as_array().unwrap().len();
    let seen =
        (count(&["contacts"], "phone"), count(&["contacts"], "a"), count(&["contacts"], "nurse"));
    assert_eq!(seen, (0, 0, 1));
    // The clinic's team does not know the phone; this store does, from the street team.
    let phone = bench.own("phone");
    bench.ok("a", &["device", "rename", &phone, "van-phone"]);
    let carried = bench.json("a", &["--space", "clinic", "contacts"]);
    assert_eq!(carried.as_array().unwrap().len(), 1);
    assert_eq!(carried[0]["author_name"], json!("van-phone"));
    let again = bench.json("a", &["sync"]);
    assert_eq!(again["carried"], json!(0));
    let output = bench.on("phone", &[&log[..], &["--drop", "office"]].concat()).output().unwrap();
    assert!(err(&output).contains("haversack space link"), "{}", err(&output));
}

/// The office stays in touch with both teams: it hears of the clinic's news, and carries what the street drops as it comes.
#[test]
fn who_follows_follows_every_team() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    bench.join("phone", &["--relay", &relay.url()]);
    bench.ok("a", &["space", "create", "clinic"]);
    let request = text(&bench.json("nurse", &["join", "--request"]), "request");
    let invite = ["--space", "clinic", "invite", "--role", "clinic", "--relay", &relay.url()];
    let answer = text(&bench.json_from("a", &invite, &request), "answer");
    bench.json_from("nurse", &["join"], &answer);
    bench.json("a", &["space", "link", "clinic"]);
    for store in ["a", "phone", "nurse"] {
        bench.json(store, &["sync"]);
    }
    let mut following = Following::start(&bench, "a");
    // Each team is followed once it has said so.
    let mut said = [false; 2];
    while said != [true; 2] {
        let line = following.next();
        said[usize::from(line["space"] == "clinic")] = true;
    }
    bench.ok("nurse", &["client", "add", "--label", "LOTUS-27"]);
    bench.json("nurse", &["sync"]);
    let log = ["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=7"];
    bench.json("phone", &[&log[..], &["--drop", "clinic"]].concat());
    bench.json("phone", &["sync"]);
    let has_arrived = || {
        bench.json("nurse", &["sync"]);
        !bench.json("nurse", &["contacts"]).as_array().unwrap().is_empty()
    };
    while !has_arrived() {
        following.next();
    }
    let end = following.end();
    assert_eq!((&end["carried"], &end["spaces"][0]["name"]), (&json!(1), &json!("clinic")));
    assert_eq!(labels(&bench.json("a", &["--space", "clinic", "client", "list"])), ["LOTUS-27"]);
}

/// A team with which nothing can be synced, and one whose relay is not there yet: the second is followed.
#[test]
fn what_cannot_work_in_one_team_keeps_nobody_from_following_another() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    bench.ok("a", &["space", "create", "clinic"]);
    let request = text(&bench.json("nurse", &["join", "--request"]), "request");
    let invite = ["--space", "clinic", "invite", "--role", "clinic", "--relay", &relay.url()];
    bench.json_from("a", &invite, &request);
    drop(relay);
    let mut following = Following::start(&bench, "a");
    let tried = following.next();
    assert_eq!((&tried["space"], &tried["ended"]), (&json!("clinic"), &json!(null)), "{tried}");
    let end = following.end();
    assert_eq!((&end["relay"], &end["failed"][0]["relay"]), (&json!(null), &json!(null)), "{end}");
}

/// What exists once only is not passed over in silence.
#[test]
fn a_sync_says_which_teams_it_left_out() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    bench.join("b", &["--relay", &relay.url()]);
    let alone = bench.json("a", &["sync"]);
    assert_eq!((&alone["spaces"], &alone["skipped"]), (&json!([]), &json!([])));
    bench.ok("a", &["space", "create", "clinic"]);
    bench.ok("a", &["--space", "clinic", "client", "add", "--label", "LOTUS-27"]);
    bench.ok("a", &["--space", "office", "join", "--request"]);
    let skipped = bench.json("a", &["sync"])["skipped"].clone();
    let shown = |n: usize| (skipped[n]["name"].clone(), skipped[n]["why"].clone());
    assert_eq!(shown(0), (json!("clinic"), json!("no_relay")));
    assert_ne!(skipped[0]["own"]["here_only"], json!(0));
    assert_eq!(shown(1), (json!("office"), json!("no_team")));
    let said = bench.ok("a", &["sync"]);
    assert!(said.contains("clinic: not synced, its roster names no relay"), "{said}");
    assert!(said.contains("office: not synced, it is in no team yet"), "{said}");
}

/// A team whose relay is gone keeps nobody from the others, whichever of them it is.
#[test]
fn a_team_that_cannot_be_synced_keeps_nobody_from_the_others() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    let gone = RelayProcess::start(&bench, &bench.path("gone"));
    bench.join("b", &["--relay", &gone.url()]);
    for team in ["clinic", "office"] {
        bench.ok("a", &["space", "create", team]);
        let url = if team == "clinic" { gone.url() } else { relay.url() };
        bench.ok("a", &["--space", team, "relay", "add", &url]);
    }
    drop(gone);
    let synced = bench.json("a", &["sync"]);
    assert_eq!((&synced["relay"], &synced["spaces"][0]["name"]), (&json!(null), &json!("office")));
    assert!(synced["spaces"][0]["pushed"].as_u64().unwrap() > 0);
    assert!(!synced["failed"].as_array().unwrap().is_empty());
    let skipped = &synced["skipped"][0];
    assert_eq!((&skipped["name"], &skipped["why"]), (&json!("clinic"), &json!("failed")));
    assert!(skipped["error"].as_str().unwrap().contains("no relay answers"), "{skipped}");
    let said = bench.ok("a", &["sync"]);
    assert!(said.contains("clinic: not synced: "), "{said}");
    // Where none can be, that is a failure.
    drop(relay);
    assert_eq!(bench.on("a", &["sync"]).output().unwrap().status.code(), Some(6));
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
