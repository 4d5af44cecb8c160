//! The whole story: found, invite, join, log, hand over, report.

use serde_json::{Value, json};

use crate::bench::{Bench, text};

#[test]
fn a_team_without_a_network() {
    let bench = Bench::with_team();
    let client = bench.json("a", &["client", "add", "--label", "LOTUS-27", "--sex", "F"]);
    let (shown, seen) = bench.join("b", &["--role", "educator"]);
    assert_eq!(shown, seen, "both sides see the same six words");
    assert_eq!(shown.as_str().unwrap().split(' ').count(), 6);

    // What the coordinator has goes to the educator by file; what they log comes back the same way.
    bench.ok("a", &["bundle", "export", "start.hsb"]);
    let imported = bench.json("b", &["bundle", "import", "start.hsb"]);
    assert_eq!((&imported["whole"], &imported["contacts"]), (&json!(true), &json!(0)));
    log_a_day(&bench);
    bench.ok("b", &["bundle", "export", "back.hsb"]);
    assert_eq!(bench.json("a", &["bundle", "import", "back.hsb"])["contacts"], 3);
    assert_eq!(bench.json("a", &["bundle", "import", "back.hsb"])["contacts"], 0);

    let contacts = bench.contacts("a");
    assert_eq!(bench.records("a"), bench.records("b"));
    check_contacts(&contacts, &client);
    check_report(&bench);
    check_status(&bench);
}

fn log_a_day(bench: &Bench) {
    let log = |args: &[&str]| {
        bench.json("b", &[&["log", "--date", "2008-02-04", "--site", "KM-V"], args].concat())
    };
    log(&["--client", "LOTUS-27", "--out", "syringe_fixed_1ml=10", "--in", "used_mixed=8"]);
    log(&["--sex", "M", "--age", "<25", "--for-others", "needle=4", "--out", "barrel_2ml=9"]);
    log(&["--people", "12", "--service", "nsp", "--service", "education", "--duration", "over_15"]);
}

fn check_contacts(contacts: &Value, client: &Value) {
    let mut with: Vec<&Value> = (0..3).map(|n| &contacts[n]["person"]).collect();
    with.sort_by_key(|person| person["kind"].as_str());
    let coded = json!({ "kind": "client", "id": client["id"], "label": "LOTUS-27" });
    let anonymous = json!({ "kind": "anonymous", "sex": "M", "age": "<25" });
    assert_eq!(with, [&anonymous, &coded, &json!({ "kind": "count", "people": 12 })]);
    let contacts = contacts.as_array().unwrap();
    let mut found = contacts.iter().find(|contact| contact["person"] == coded).unwrap().clone();
    assert_eq!(text(&found, "author").len(), 32);
    for varies in ["id", "author", "own", "person"] {
        found.as_object_mut().unwrap().remove(varies);
    }
    let expected = json!({
        "date": "2008-02-04", "site": "KM-V", "mode": "van", "duration": null, "disputed": false,
        "out": { "syringe_fixed_1ml": 10 }, "others": {}, "in": { "used_mixed": 8 },
        "sets": 10, "returned": 8, "services": [], "author_name": null, "state": "carried",
    });
    assert_eq!(found, expected);
}

fn check_report(bench: &Bench) {
    let period = ["report", "--from", "2008-02-01", "--to", "2008-03-01"];
    let report = bench.json("a", &period);
    let indicator = |name: &str| report["indicators"][name].clone();
    assert_eq!((&report["from"], &report["to"]), (&json!("2008-02-01"), &json!("2008-03-01")));
    assert_eq!(report["people_counted"], 12);
    for (name, expected) in [
        ("days", json!(29)),
        ("contacts", json!(3)),
        ("contacts_anonymous", json!(2)),
        ("sets_distributed", json!(14)),
        ("return_pct", json!("57.1")),
        ("prv8_pct", json!("100.0")),
    ] {
        assert_eq!(indicator(name), expected, "{name}");
    }
    insta::assert_snapshot!(bench.ok("a", &period));
    let empty = bench.json("a", &["report", "--from", "2009-02-01", "--to", "2009-03-01"]);
    for name in ["return_pct", "prv8_pct", "prv10_coded_sets_per_coded_recipient_year"] {
        assert_eq!(empty["indicators"][name], Value::Null, "{name}");
    }
}

fn check_status(bench: &Bench) {
    let status = bench.json("b", &["status"]);
    assert_eq!((&status["contacts"], &status["clients"]), (&json!(3), &json!(1)));
    assert_eq!(
        status["own"],
        json!({ "here_only": 0, "carried": 1, "relayed": 0, "acknowledged": 0, "refused": 0 })
    );
    assert_eq!(status["team"]["members"].as_array().unwrap().len(), 2);
    insta::assert_snapshot!(bench.ok("b", &["status"]));
    insta::assert_snapshot!(bench.ok("b", &["contacts", "--from", "2008-02-05"]), @"no contacts");
    assert_eq!(bench.json("b", &["contacts", "--last", "1"]).as_array().unwrap().len(), 1);
}

/// Texts as people send them: the whole output of one command, pasted into the other.
#[test]
fn an_enrolment_by_pasted_text() {
    let bench = Bench::with_team();
    let request = bench.ok("b", &["join", "--request"]);
    bench.write("message.txt", format!("Hello, please let me in:\n\n{request}"));
    let answer = bench.ok("a", &["invite", "--file", "message.txt"]);
    bench.write("answer.txt", answer.to_lowercase().replace("-", "-\n"));
    let joined = bench.ok("b", &["join", "--file", "answer.txt"]);
    let words = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("six words: "));
        line.unwrap().to_owned()
    };
    assert_eq!(words(&answer), words(&joined));
    assert!(bench.ok("b", &["status"]).starts_with("in a team of 2 devices"));
}

#[test]
fn sites_and_clients() {
    let bench = Bench::with_team();
    bench.ok(
        "a",
        &[
            "site",
            "add",
            "KM-N",
            "--kind",
            "drop_in",
            "--closes",
            "17:00",
            "--setting",
            "community",
        ],
    );
    insta::assert_snapshot!(bench.ok("a", &["site", "list"]), @"
    site  kind        setting    closes
    KM-N  drop_in     community  17:00
    KM-V  mobile_van
    ");
    let add = [
        "client",
        "add",
        "--label",
        "IRIS-4",
        "--birth-year",
        "1980",
        "--band",
        "10",
        "--need",
        "3",
    ];
    let first = bench.json("a", &add);
    let second = bench.json("a", &["client", "add", "--label", "IRIS-4"]);
    assert_eq!((&first["namesakes"], &second["namesakes"]), (&json!(0), &json!(1)));
    let list = bench.ok("a", &["client", "list"]).replace(&text(&first, "id"), "ID");
    assert!(list.contains("IRIS-4       1980-1989  3             ID\n"), "{list}");
    // The id says which of the two; the one site that is left out is asked for.
    let log = ["log", "--date", "2008-02-04", "--site", "KM-N", "--client", &text(&second, "id")];
    let saved = bench.json("a", &log);
    assert_eq!(bench.contacts("a")[0]["id"], saved["contacts"][0]["id"]);
    assert_eq!(bench.contacts("a")[0]["person"]["id"], second["id"]);
    let short = &text(&second, "id")[..12];
    bench.ok("a", &["log", "--date", "2008-02-05", "--site", "KM-N", "--client", short]);
    assert_eq!(bench.contacts("a")[0]["person"]["id"], second["id"]);
    let both = bench.refused("a", &["log", "--site", "KM-N", "--client", "IRIS-4"]);
    assert_eq!(
        (&both["code"], &both["message"]),
        (&json!("ambiguous"), &json!("this could be 2 clients"))
    );
}
