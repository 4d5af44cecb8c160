//! Erasing a client, and what is left in the report.

use serde_json::json;

use crate::bench::{Bench, RelayProcess, text};

/// A coordinator `a` and a phone `b`, each with a contact with one client, who have met at a relay.
fn team() -> (Bench, RelayProcess, String) {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    bench.join("b", &["--relay", &relay.url()]);
    let id = text(&bench.json("a", &["client", "add", "--label", "LOTUS-27"]), "id");
    meet(&bench);
    for (store, day) in [("a", "2008-02-04"), ("b", "2008-02-05")] {
        let contact =
            ["log", "--date", day, "--site", "KM-V", "--client", "LOTUS-27", "--out", "swab=2"];
        bench.ok(store, &contact);
    }
    meet(&bench);
    (bench, relay, id)
}

fn meet(bench: &Bench) {
    ["a", "b", "a", "b", "a"].iter().for_each(|store| drop(bench.json(store, &["sync"])));
}

fn report(bench: &Bench, store: &str) -> serde_json::Value {
    bench.json(store, &["report", "--from", "2008-02-01", "--to", "2008-03-01"])
}

#[test]
fn an_erased_client_leaves_what_was_handed_out() {
    let (bench, _relay, id) = team();
    let before = report(&bench, "b");
    assert_eq!(
        (&before["contacts_unattributed"], &before["indicators"]["contacts"]),
        (&json!(0), &json!(2))
    );
    let erased = bench.json("a", &["client", "erase", "LOTUS-27", "--yes"]);
    assert_eq!(erased, json!({ "erased": true, "client": id, "confirmed": 1, "members": 2 }));
    assert_eq!(bench.ok("a", &["client", "list"]).lines().count(), 1, "no client files");
    meet(&bench);
    for store in ["a", "b"] {
        assert_eq!(bench.json(store, &["client", "list"]), json!([]));
        let after = report(&bench, store);
        assert_eq!(after["contacts_unattributed"], json!(2));
        for total in ["contacts", "sets_distributed", "returned"] {
            assert_eq!(after["indicators"][total], before["indicators"][total], "{total}");
        }
        let all = json!([{ "client": id, "confirmed": 2, "members": 2 }]);
        assert_eq!(bench.json(store, &["client", "erased"]), all);
    }
    let shown = bench.ok("b", &["client", "erased"]);
    assert!(shown.contains("2 of 2 devices"), "{shown}");
}

#[test]
fn who_may_not_erase_is_told_so_and_nobody_is_asked_where_there_is_no_terminal() {
    let (bench, _relay, _) = team();
    let refused = bench.refused("b", &["client", "erase", "LOTUS-27", "--yes"]);
    assert_eq!(refused["message"], "this device's role does not allow to erase a client");
    let unasked = bench.refused("a", &["client", "erase", "LOTUS-27"]);
    assert_eq!(unasked["message"], "this cannot be taken back, and there is no terminal to ask on");
    bench.refused("a", &["client", "erase", "NOBODY", "--yes"]);
    assert_eq!(bench.json("a", &["client", "erased"]), json!([]));
    assert_eq!(bench.ok("a", &["client", "erased"]), "no client was erased\n");
}
