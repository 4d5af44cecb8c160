//! Devices that are lost, seized, renamed; the root key above them.

use serde_json::{Value, json};

use crate::bench::{Bench, RelayProcess, err, out, text};

/// A coordinator `a`, a phone `b`, a second coordinator `c`, who have met at a relay.
fn team() -> (Bench, RelayProcess) {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    bench.join("b", &["--relay", &relay.url()]);
    bench.join("c", &["--role", "coordinator"]);
    meet(&bench, &["a", "b", "c"]);
    (bench, relay)
}

/// Every one syncs, twice: what one brings the others get.
fn meet(bench: &Bench, stores: &[&str]) {
    stores.iter().chain(stores).for_each(|store| drop(bench.json(store, &["sync"])));
}

#[test]
fn a_lost_phone_is_removed_and_says_so_itself() {
    let (bench, _relay) = team();
    bench.ok("b", &["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=2"]);
    meet(&bench, &["b", "a"]);
    let phone = bench.own("b");
    bench.json("a", &["device", "rename", &phone[..6], "van-phone"]);
    assert_eq!(
        bench.refused("a", &["device", "revoke", "van-phone"])["message"],
        "this cannot be taken back, and there is no terminal to ask on"
    );
    let exposure = bench.json("a", &["exposure", "van-phone"]);
    assert_eq!(exposure["removed"], json!(false));
    let revoked = bench.json("a", &["device", "revoke", "van-phone", "--yes"]);
    assert_eq!(revoked["revoked"], json!(true));
    let shown = &revoked["exposure"];
    assert_eq!((&shown["contacts"], &shown["first"]), (&json!(1), &json!("2008-02-04")));
    assert_eq!((&shown["name"], &shown["role"]), (&json!("van-phone"), &json!("educator")));
    assert_eq!((&shown["removed"], &shown["device"]), (&json!(true), &json!(phone)));
    bench.ok("a", &["log", "--date", "2008-02-05", "--site", "KM-V", "--out", "swab=3"]);
    meet(&bench, &["a", "c"]);
    assert_eq!(bench.json("c", &["contacts"]).as_array().unwrap().len(), 2);
    let synced = bench.json("b", &["sync"]);
    assert_eq!((&synced["removed"], &synced["contacts"]), (&json!(true), &json!(0)));
    let said = bench.refused("b", &["sync"]);
    assert!(text(&said, "message").contains("this device was removed from its team"), "{said}");
    assert!(said["hints"][1].as_str().unwrap().contains("new invitation"), "{said}");
    let status = bench.json("b", &["status"]);
    assert_eq!((&status["removed"], &status["contacts"]), (&json!(true), &json!(1)));
    assert!(bench.ok("b", &["status"]).contains("This device was removed from its team"));
    insta::assert_snapshot!(bench.ok("a", &["exposure", "van-phone"]).replace(&phone, "PHONE"), @"
    device                                               PHONE
      called here                                        van-phone
      role                                               educator, removed
    contacts that it could have read, at most            1
      from                                               2008-02-04
      to                                                 2008-02-04
    client files that it could have read, at most        0
    keys that it could hold, at most                     1
      of these, to be destroyed by now if it has synced  0
      the oldest was made, rotations ago                 1
      the newest was made, rotations ago                 1
    Upper bounds, judged from what is on this device. What the device had received, it keeps.
    ");
}

#[test]
fn without_a_relay_in_the_roster_nobody_learns_by_sync() {
    let bench = Bench::with_team();
    let request = text(&bench.json("b", &["join", "--request"]), "request");
    let invited = out(&bench.on("a", &["invite", &request]).output().unwrap());
    assert!(invited.contains("The team's roster names no relay"), "{invited}");
    bench.join("c", &[]);
    let devices = bench.json("a", &["device", "list"]);
    let others = devices.as_array().unwrap().iter().filter(|device| device["this"] == false);
    let ids: Vec<String> = others.map(|device| text(device, "device")).collect();
    let said = bench.ok("a", &["device", "revoke", &ids[0], "--yes"]);
    assert!(said.contains("haversack sync --relay") && said.contains("bundle export"), "{said}");
    let again = bench.refused("a", &["device", "revoke", &ids[0], "--yes"]);
    assert_eq!(again["code"], json!("removed_before"), "{again}");
    let revoked = bench.json("a", &["device", "revoke", &ids[1], "--yes"]);
    assert_eq!(revoked["relays"], json!(0));
}

#[test]
fn a_second_coordinator_undoes_what_a_seized_one_did() {
    let (bench, _relay) = team();
    let (seized, phone) = (bench.own("c"), bench.own("b"));
    bench.json("c", &["device", "role", &phone, "trainer", "--yes"]);
    bench.json("c", &["sync"]);
    bench.json("a", &["sync"]);
    let role = |bench: &Bench| {
        let devices = bench.json("a", &["device", "list"]);
        let is_phone = |device: &&Value| device["device"] == json!(phone);
        text(devices.as_array().unwrap().iter().find(is_phone).unwrap(), "role")
    };
    assert_eq!(role(&bench), "trainer");
    let revoked = bench.json("a", &["device", "revoke", &seized, "--undo", "--yes"]);
    assert_eq!((&revoked["undone"], &revoked["this_removed"]), (&json!(true), &json!(false)));
    assert_eq!(role(&bench), "educator");
    // What the seized one decided is shown to count for nothing, by the name that it has here.
    bench.json("a", &["device", "rename", &seized, "laptop"]);
    let listed = bench.json("a", &["quarantine", "list"]);
    let expected =
        json!({ "device": seized, "name": "laptop", "sequence": null, "reason": "void" });
    assert_eq!(listed, json!([expected]));
    assert_eq!(bench.json("a", &["status"])["quarantine"], listed);
    insta::assert_snapshot!(bench.ok("a", &["quarantine", "list"]), @"
    device  place  why
    laptop         it is a decision about the team that counts for nothing
    ");
    let status = bench.ok("a", &["status"]);
    insta::assert_snapshot!(status.split_once(" why\n").unwrap().1, @"
    laptop              1  it is a decision about the team that counts for nothing
    Each with its place: haversack quarantine list
    ");
    assert_eq!(bench.ok("b", &["quarantine", "list"]), "Nothing was refused.\n");
    let said = bench.refused("b", &["device", "role", &seized, "educator", "--yes"]);
    assert_eq!(said["message"], "this device's role does not allow to change a role");
    let itself = bench.own("a");
    let said = bench.refused("a", &["device", "revoke", &itself, "--yes"]);
    assert_eq!(said["message"], "device is this one: another coordinator removes it");
}

#[test]
fn devices_are_found_by_name_and_by_digits() {
    let bench = Bench::with_team();
    bench.join("b", &[]);
    let (a, b) = (bench.own("a"), bench.own("b"));
    let unknown = bench.refused("a", &["exposure", "0000000000000000000000000000000f"]);
    assert_eq!(unknown["message"], "this device is not known here");
    assert_eq!(bench.refused("a", &["exposure", &b[..3]])["message"], unknown["message"]);
    assert_eq!(bench.json("a", &["exposure", &b[..4].to_uppercase()])["device"], json!(b));
    // A name that reads like the digits of another device.
    bench.json("a", &["device", "rename", &b, &a[..4]]);
    let several = bench.refused("a", &["exposure", &a[..4]]);
    assert_eq!(several["message"], "this could be 2 devices");
    assert_eq!(bench.json("a", &["exposure", &a])["device"], json!(a));
    let renamed = bench.json("a", &["device", "rename", &b, "phone"]);
    assert_eq!(renamed["name"], json!("phone"));
    let taken = bench.refused("a", &["device", "rename", &a, "phone"]);
    assert_eq!(taken["message"], "name is another device's here already");
    assert_eq!(bench.json("a", &["device", "rename", "phone", "--clear"])["name"], Value::Null);
    let list = bench.ok("a", &["device", "list"]).replace(&a, "A").replace(&b, "B");
    let mut lines: Vec<&str> = list.lines().map(str::trim).collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @"
    coordinator  this device  A
    educator                  B
    name  role                      device
    ");
}

#[test]
fn the_root_key_is_put_on_paper_and_put_together() {
    let bench = Bench::with_team();
    bench.join("b", &[]);
    let create = ["recovery", "create", "--root", "--shares", "3", "--needed", "2"];
    let made = bench.json("a", &create);
    let shares: Vec<String> =
        made["shares"].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect();
    assert_eq!((shares.len(), &made["needed"]), (3, &json!(2)));
    for (name, share) in ["one", "two", "three"].iter().zip(&shares) {
        bench.write(name, share.to_lowercase());
    }
    bench.write("slip", shares[0].replacen('A', "B", 1));
    let rehearse = |names: &[&str]| {
        let files = names.iter().flat_map(|name| ["--share-file", name]);
        ["recovery", "rehearse", "--root"].into_iter().chain(files).map(str::to_owned).collect()
    };
    let refuse = |names: &[&str]| {
        let args: Vec<String> = rehearse(names);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        text(&bench.refused("a", &args), "message")
    };
    let rehearse_two =
        ["recovery", "rehearse", "--root", "--share-file", "three", "--share-file", "one"];
    assert_eq!(bench.json("a", &rehearse_two), json!({ "root_key": true }));
    assert_eq!(refuse(&["one"]), "of the 2 shares that it takes, 1 are there");
    assert_eq!(refuse(&["one", "one"]), "these shares have one among them twice");
    assert!(refuse(&["slip", "two"]).starts_with("slip: this share has a slip in it"));
    assert_eq!(
        bench.json("a", &["recovery", "forget-root", "--yes"]),
        json!({ "root_key": false })
    );
    assert_eq!(bench.refused("a", &create)["message"], "this root key is not known here");
    assert_eq!(bench.json("a", &["space", "list"])[0]["team"]["root_key"], json!(false));
    let use_root = ["recovery", "use", "--root", "--share-file", "two", "--share-file", "three"];
    assert_eq!(bench.json("b", &use_root), json!({ "root_key": true }));
    assert_eq!(bench.json("b", &["space", "list"])[0]["team"]["root_key"], json!(true));
    assert_eq!(
        bench.json("b", &["recovery", "replace-root", "--yes"]),
        json!({ "replaced": true })
    );
    let old = bench.refused("b", &rehearse_two);
    assert_eq!(old["message"], "these shares are of a root key that was replaced");
    let shown = bench.on("b", &create).output().unwrap();
    assert!(out(&shown).contains("Any 2 of these 3 give the root key."), "{}", err(&shown));
}

#[test]
fn a_device_goes_on_under_new_keys() {
    let (bench, _relay) = team();
    let phone = bench.own("b");
    bench.ok("b", &["log", "--date", "2008-02-04", "--site", "KM-V", "--people", "1"]);
    let asked = bench.refused("b", &["device", "renew"]);
    assert_eq!(asked["message"], "this cannot be taken back, and there is no terminal to ask on");
    let renewed = bench.json("b", &["device", "renew", "--yes"]);
    assert_eq!((&renewed["renewed"], &renewed["device"]), (&json!(true), &json!(phone)));
    bench.ok("b", &["log", "--date", "2008-02-05", "--site", "KM-V", "--people", "1"]);
    meet(&bench, &["b", "a", "c"]);
    for store in ["a", "b", "c"] {
        let contacts = bench.contacts(store);
        let authors = contacts.as_array().unwrap().iter().map(|contact| &contact["author"]);
        assert_eq!(authors.collect::<Vec<_>>(), [&json!(phone), &json!(phone)]);
        assert_eq!(bench.json(store, &["device", "list"]).as_array().unwrap().len(), 3);
    }
    let alone = bench.refused("x", &["device", "renew", "--yes"]);
    assert_eq!(alone["message"], "there is no store in this folder");
}

#[test]
fn new_keys_are_made_by_hand() {
    let bench = Bench::with_team();
    bench.join("b", &[]);
    assert_eq!(bench.json("a", &["space", "rotate"]), json!({ "rotated": true }));
    let said = bench.refused("b", &["space", "rotate"]);
    assert_eq!(said["message"], "this device's role does not allow to rotate keys");
    let device = bench.own("b");
    assert_eq!(bench.json("a", &["exposure", &device])["epochs"], json!(2));
    bench.json("x", &["join", "--request"]);
    assert_eq!(bench.json("x", &["space", "list"]), json!([{"name": null, "team": null}]));
}

#[test]
fn a_pack_is_made_pushed_and_put_into_a_file() {
    let (bench, _relay) = team();
    bench.ok("b", &["log", "--date", "2008-02-04", "--site", "KM-V", "--people", "1"]);
    meet(&bench, &["b", "a", "b"]);
    let said = bench.refused("b", &["space", "pack"]);
    assert_eq!(said["message"], "this device's role does not allow to make a pack");
    let made = bench.json("a", &["space", "pack", "--file", "team.pack"]);
    assert!(made["documents"].as_u64().unwrap() >= 2, "{made}");
    assert!(made["segments"].as_u64().unwrap() >= 1 && made["bytes"].as_u64().unwrap() > 256);
    let again = bench.refused("a", &["space", "pack", "--file", "team.pack"]);
    assert!(text(&again, "message").contains("team.pack"), "{again}");
    bench.json("a", &["sync"]);
    // Who joins now has everything: by the relay, or by the file alone.
    bench.join("d", &[]);
    let whole = std::fs::read(bench.path("team.pack")).unwrap();
    std::fs::write(bench.path("cut.pack"), &whole[..whole.len() - 64]).unwrap();
    bench.refused("d", &["bundle", "import", "cut.pack"]);
    let coming = &bench.json("d", &["status"])["packs"];
    assert!(coming["parts"].as_u64() < coming["of"].as_u64(), "{coming}");
    assert!(bench.ok("d", &["status"]).contains("still coming, parts here"));
    bench.json("d", &["bundle", "import", "team.pack"]);
    let none = json!({"parts": 0, "of": 0, "documents": 0});
    assert_eq!(bench.json("d", &["status"])["packs"], none);
    assert_eq!(bench.contacts("d").as_array().unwrap().len(), 1);
    assert_eq!(bench.json("d", &["status"])["refused"], bench.json("a", &["status"])["refused"]);
}

#[test]
fn a_coordinator_whom_a_seized_one_removed_hands_over_a_file() {
    let (bench, _relay) = team();
    let (founder, seized) = (bench.own("a"), bench.own("c"));
    bench.json("a", &["recovery", "forget-root", "--yes"]);
    bench.json("c", &["device", "revoke", &founder, "--yes"]);
    meet(&bench, &["c", "b"]);
    assert_eq!(bench.json("a", &["sync"])["removed"], json!(true));
    let said = bench.refused("a", &["device", "revoke", &seized, "--yes"]);
    assert!(text(&said, "message").contains("this device was removed"), "{said}");
    // Nobody can tell which of the two was seized: both are out until the root key speaks.
    let revoked = bench.json("a", &["device", "revoke", &seized, "--undo", "--yes"]);
    assert_eq!((&revoked["revoked"], &revoked["this_removed"]), (&json!(true), &json!(true)));
    bench.ok("a", &["bundle", "export", "undone.bundle"]);
    bench.ok("b", &["bundle", "import", "undone.bundle"]);
    let devices = bench.json("b", &["device", "list"]);
    let removed = devices.as_array().unwrap().iter().filter(|device| device["removed"] == true);
    assert_eq!(removed.count(), 2, "{devices}");
    bench.ok("b", &["log", "--date", "2008-02-04", "--site", "KM-V", "--people", "1"]);
}
