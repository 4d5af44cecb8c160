//! Case 19: a relay's key changes, or its address: nobody is lost.

use haversack_core::RelayAddress;
use haversack_relay::{Identity, Memory};

use super::{Story, play};

const AT: &str = "http://relay.example:8080";

fn named(s: &Story, addresses: &[&str]) -> RelayAddress {
    let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
    RelayAddress { relay: s.fleet.id, addresses, pins: Vec::new() }
}

/// The relay is gone with all that it held; another stands in its place, with another key.
fn another_relay(s: &mut Story) -> RelayAddress {
    let old = named(s, &[]);
    s.fleet.relay = Memory::new();
    s.fleet.id = Identity::from_seed(&[8; 32]).id();
    old
}

fn a_relay_that_was_replaced(s: &mut Story) {
    let all = [0, 1, 2, 3];
    let first = s.fleet.id;
    for n in all {
        s.device(n).pin_relay("relay.example:8080", first).unwrap();
    }
    let there = named(s, &[AT]);
    s.device(0).set_relays(&[there]).unwrap();
    s.log(2, 0);
    s.settle(&all);
    // Written and relayed, and read by nobody before the relay is gone; so are the grants of a new key.
    s.log(1, 1);
    s.sync(1, 1_000);
    s.device(0).rotate().unwrap();
    s.sync(0, 0);
    s.sync(0, 1_000);
    s.log(3, 2);
    let old = another_relay(s);
    let new = named(s, &[AT]);
    s.device(0).set_relays(&[old, new.clone()]).unwrap();
    assert_eq!(s.device(0).relays().unwrap().len(), 2);
    // The others hear of it from hand to hand, or not yet: the address is the same.
    s.write_file(0);
    s.wander(&[0]);
    s.settle(&all);
    for n in all {
        let expected = s.device(n).pinned_relay("relay.example:8080", Some(new.relay)).unwrap();
        assert_eq!(expected, Some(new.relay), "{n} finds it");
        let met = s.device(n).pinned_relay("relay.example:8080", None).unwrap();
        assert_eq!(met, Some(new.relay), "{n} goes to no other");
    }
    s.log(3, 3);
    s.settle(&all);
    s.are_alike(&all, 4);
}

#[test]
fn a_relay_with_another_key_is_found_and_given_everything() {
    play(a_relay_that_was_replaced);
}

fn a_relay_at_another_address(s: &mut Story) {
    let all = [0, 1, 2, 3];
    let relay = s.fleet.id;
    let there = named(s, &[AT]);
    s.device(0).set_relays(&[there]).unwrap();
    s.settle(&all);
    let moved = named(s, &["http://elsewhere.example:8080"]);
    s.device(0).set_relays(&[moved]).unwrap();
    s.log(1, 1);
    s.wander(&all);
    s.settle(&all);
    for n in all {
        let found = |s: &mut Story, at: &str| s.device(n).pinned_relay(at, None).unwrap();
        assert_eq!(found(s, "elsewhere.example:8080"), Some(relay));
        assert_eq!(found(s, "relay.example:8080"), None, "{n} knows nobody there any more");
    }
    s.are_alike(&all, 1);
}

#[test]
fn a_relay_at_another_address_is_found() {
    play(a_relay_at_another_address);
}
