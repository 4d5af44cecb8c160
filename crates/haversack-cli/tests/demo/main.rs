//! The demo as a user runs it: the real program, on the data set it brings, on one with other numbers,
//! and on broken ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod generator;
mod reference;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The figures that a demo must print, under the names of the fixture.
const KEYS: [&str; 19] = [
    "days",
    "contacts",
    "contacts_coded",
    "contacts_anonymous",
    "reach_coded",
    "clients_registered",
    "sets_distributed",
    "sets_to_coded",
    "returned",
    "return_pct",
    "prv8_num",
    "prv8_den",
    "prv8_pct",
    "prv10_coded_sets_per_coded_recipient_year",
    "prv9a_each_30d_block",
    "prv9b_monthly_average",
    "blocks",
    "clients_need_met",
    "same_day_two_educators",
];

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_haversack")).arg("demo").args(arguments).output().unwrap()
}

fn check(seed: &str, data: Option<&Path>, expect: &Value) {
    let path = data.map(|path| path.to_str().unwrap().to_owned());
    let mut arguments = vec!["--json", "--seed", seed];
    arguments.extend(path.iter().flat_map(|path| ["--data", path.as_str()]));
    let output = demo(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in KEYS {
        assert_eq!(printed["indicators"][key], expect[key], "{key}, seed {seed}");
    }
    let sync = &printed["sync"];
    assert_eq!(sync["stores"], sync["stores_alike"], "seed {seed}");
    assert!(sync["requests"].as_u64() > Some(0) && sync["bytes_up"].as_u64() > Some(0), "{sync}");
}

fn fixture() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kunming.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_brought_data_set_gives_the_expected_report() {
    let expect = &fixture()["expect"];
    ["1", "2"].iter().for_each(|seed| check(seed, None, expect));
}

#[test]
fn the_reference_agrees_with_the_fixture() {
    let fixture = fixture();
    let computed = reference::expect(&fixture);
    KEYS.iter().for_each(|key| assert_eq!(computed[key], fixture["expect"][key], "{key}"));
}

#[test]
fn another_data_set_gives_its_own_report() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..=3 {
        let dataset = generator::dataset(seed);
        let file = folder.path().join(format!("{seed}.json"));
        std::fs::write(&file, dataset.to_string()).unwrap();
        let expect = reference::expect(&dataset);
        assert_ne!(expect["contacts"], fixture()["expect"]["contacts"]);
        check(&seed.to_string(), Some(&file), &expect);
    }
}

#[test]
fn unusable_data_sets_are_refused_by_record() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, text: &str, expect: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let output = demo(&["--data", file.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(7), "{said}");
        assert!(said.contains(expect), "{said}");
        assert!(output.stdout.is_empty());
    };
    let with = |change: fn(&mut Value)| {
        let mut dataset = generator::dataset(1);
        change(&mut dataset);
        dataset.to_string()
    };
    refused("not.json", "{", "JSON");
    refused(
        "date.json",
        &with(|d| d["contacts"][3]["date"] = "1970-01-01".into()),
        "contact g0003: date must lie",
    );
    refused(
        "count.json",
        &with(|d| d["contacts"][3]["fixed"] = (-1).into()),
        "contact g0003: quantity must lie",
    );
    refused(
        "site.json",
        &with(|d| d["contacts"][3]["site"] = "X".into()),
        "contact g0003: its site",
    );
    refused(
        "who.json",
        &with(|d| d["contacts"][3]["educator"] = "X".into()),
        "contact g0003: its educator",
    );
    refused(
        "period.json",
        &with(|d| d["period"] = serde_json::json!(["2011-01-01", "2011-01-01"])),
        "period",
    );
    let missing = demo(&["--data", "no such file"]);
    assert_eq!(missing.status.code(), Some(7));
}

#[test]
fn stores_are_left_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("kept");
    let file = folder.path().join("small.json");
    std::fs::write(&file, generator::dataset(4).to_string()).unwrap();
    let arguments = ["--data", file.to_str().unwrap(), "--keep", keep.to_str().unwrap(), "--json"];
    let output = demo(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let passphrase = keep.join("passphrase.txt");
    let report = Command::new(env!("CARGO_BIN_EXE_haversack"))
        .args(["--json", "--store", keep.join("coordinator").to_str().unwrap()])
        .args(["--passphrase-file", passphrase.to_str().unwrap()])
        .args(["report", "--from", generator::FROM, "--to", generator::TO])
        .output()
        .unwrap();
    let reported: Value = serde_json::from_slice(&report.stdout).unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reported["indicators"], shown["indicators"]);
    let again = demo(&arguments);
    assert_eq!(again.status.code(), Some(7), "a folder that is not empty is not written into");
}
