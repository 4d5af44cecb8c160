//! A slip is put right, and whose a contact is can be seen.

use serde_json::{Value, json};

use crate::bench::{Bench, text};

/// A coordinator `a`, and a phone `b` with one contact that `a` has too.
fn team() -> (Bench, String) {
    let bench = Bench::with_team();
    bench.join("b", &[]);
    bench.ok("a", &["bundle", "export", "start.hsb"]);
    bench.ok("b", &["bundle", "import", "start.hsb"]);
    let log = ["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=20"];
    let saved = bench.json("b", &log);
    bench.ok("b", &["bundle", "export", "walk.hsb"]);
    bench.ok("a", &["bundle", "import", "walk.hsb"]);
    (bench, text(&saved["contacts"][0], "id"))
}

fn given(bench: &Bench, store: &str) -> Value {
    bench.contacts(store)[0]["out"].clone()
}

#[test]
fn a_slip_is_corrected_by_the_id_that_is_shown() {
    let (bench, id) = team();
    let (outing, number) = id.split_once('.').unwrap();
    let short = format!("{}.{number}", &outing[..8]);
    assert!(bench.ok("a", &["contacts"]).contains(&format!("  {short}\n")), "{short}");
    let corrected = bench.json("b", &["contact", "correct", &short, "out.swab=2", "in.needle=3"]);
    let lines = json!([
        { "line": "out.swab", "before": 20, "now": 2 },
        { "line": "in.needle", "before": null, "now": 3 },
    ]);
    assert_eq!(corrected, json!({ "contact": id, "lines": lines }));
    assert_eq!(given(&bench, "b"), json!({ "swab": 2 }));
    assert_eq!(bench.contacts("b")[0]["in"], json!({ "needle": 3 }));
    bench.ok("b", &["bundle", "export", "again.hsb"]);
    bench.ok("a", &["bundle", "import", "again.hsb"]);
    assert_eq!(given(&bench, "a"), json!({ "swab": 2 }));
    insta::assert_snapshot!(bench.ok("a", &["contact", "correct", &id, "out.swab=0"]).replace(&short, "ID"), @"
    corrected ID
    line      before  now
    out.swab  2       0
    on this device only, until haversack sync or haversack bundle export
    ");
}

#[test]
fn a_site_is_known_without_its_capitals() {
    let bench = Bench::with_team();
    let log = |site: &'static str| ["log", "--people", "1", "--site", site];
    assert_eq!(bench.json("a", &log("km-v"))["contacts"][0]["site"], json!("KM-V"));
    bench.ok("a", &["site", "add", "km-V", "--kind", "drop_in"]);
    assert_eq!(bench.json("a", &log("km-V"))["contacts"][0]["site"], json!("km-V"));
    assert_eq!(bench.refused("a", &log("km-v"))["code"], json!("unknown"));
}

#[test]
fn what_is_no_contact_and_no_line_is_refused() {
    let (bench, id) = team();
    for (contact, line, code) in [
        ("00000000.1", "out.swab=2", "unknown"),
        (&id[..3], "out.swab=2", "unknown"),
        (&id, "swab=2", "usage"),
        (&id, "out.swab=10001", "usage"),
        (&id, "out.heroin=1", "usage"),
    ] {
        let said = bench.refused("a", &["contact", "correct", contact, line]);
        assert_eq!(said["code"], json!(code), "{contact} {line}: {said}");
    }
    assert_eq!(given(&bench, "a"), json!({ "swab": 20 }));
}

#[test]
fn a_contact_says_whose_it_is() {
    let (bench, _) = team();
    let phone = bench.own("b");
    let line =
        |bench: &Bench, store| bench.ok(store, &["contacts"]).lines().nth(1).unwrap().to_owned();
    assert!(line(&bench, "a").contains(&format!("  {}  ", &phone[..8])));
    bench.ok("a", &["device", "rename", &phone, "van-phone"]);
    assert!(line(&bench, "a").contains("  van-phone  "));
    assert!(!line(&bench, "b").contains(&phone[..8]));
    let seen = |store| {
        let contact = bench.contacts(store)[0].clone();
        (contact["own"].clone(), contact["author_name"].clone())
    };
    assert_eq!(seen("a"), (json!(false), json!("van-phone")));
    assert_eq!(seen("b"), (json!(true), json!(null)));
}

/// A clock may be wrong as well as a date: so it is saved, and asked about.
#[test]
fn a_day_that_is_yet_to_come_is_asked_about() {
    let bench = Bench::with_team();
    let log = |date: &'static str| ["log", "--site", "KM-V", "--people", "1", "--date", date];
    assert_eq!(bench.json("a", &log("2079-12-31"))["dates_ahead"], json!(["2079-12-31"]));
    assert_eq!(bench.json("a", &log("2008-02-04"))["dates_ahead"], json!([]));
    let said = bench.ok("a", &log("2079-12-31"));
    assert!(said.starts_with("Is the date right? By this device's clock"), "{said}");
    assert_eq!(bench.contacts("a").as_array().unwrap().len(), 3);
}
