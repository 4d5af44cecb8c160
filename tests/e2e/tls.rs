//! A relay over TLS: what is pinned, and what a network sees.

use haversack::{Error, Pin, RelayAddress, RelayUrl, Role, TlsRefusal};

use crate::team::{Running, Team, create, day, relay, tls_relay};
use crate::watched::watched;

/// The relay's port with other pins, or none.
fn with_pins(relay: &Running, pins: Vec<Pin>) -> RelayUrl {
    RelayUrl::new("127.0.0.1".into(), relay.url.port(), relay.url.relay()).secured(pins)
}

async fn refusal(team: &Team, url: &RelayUrl) -> TlsRefusal {
    match team.coordinator.sync(url).await {
        Err(Error::Tls { source }) => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_and_nothing_to_see() {
    let mut team = Team::new(1, 1);
    team.start_by_file();
    let relay = tls_relay(&team.folder.path().join("relay")).await;
    let (port, seen) = watched(relay.url.authority()).await;
    let url = RelayUrl::new("localhost".into(), port, relay.url.relay());
    let url = url.secured(relay.url.pins().to_vec());
    let phone = team.phones.remove(0);
    phone.log(day("2008-02-04"), &[team.contact(0, 4)]).unwrap();
    // The pin says which relay it is: nobody need ask for a proof first.
    assert_eq!(phone.sync(&url).await.unwrap().requests, 1);
    assert_eq!(team.coordinator.sync(&url).await.unwrap().contacts, 1);
    let seen = seen.lock().unwrap().clone();
    let has = |text: &[u8]| memchr::memmem::find(&seen, text).is_some();
    for text in [&b"/v1/sync"[..], b"HTTP/1.1", b"aversack", b"octet-stream"] {
        assert!(!has(text), "{}", text.escape_ascii());
    }
    // The host's name, and the protocol inside: as every browser says them.
    assert!(has(b"localhost") && has(b"http/1.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_the_key_is_told_nothing() {
    let team = Team::new(0, 1);
    let relay_a = tls_relay(&team.folder.path().join("a")).await;
    let relay_b = tls_relay(&team.folder.path().join("b")).await;
    let plain = relay(&team.folder.path().join("plain")).await;
    let others = with_pins(&relay_a, relay_b.url.pins().to_vec());
    assert_eq!(refusal(&team, &others).await, TlsRefusal::OtherKey);
    assert_eq!(refusal(&team, &with_pins(&relay_a, Vec::new())).await, TlsRefusal::Unknown);
    assert_eq!(refusal(&team, &with_pins(&plain, Vec::new())).await, TlsRefusal::NotTls);
    let bare = RelayUrl::new("127.0.0.1".into(), relay_a.url.port(), relay_a.url.relay());
    let error = team.coordinator.sync(&bare).await.unwrap_err();
    assert!(matches!(error, Error::NotARelay | Error::Interrupted { .. }), "{error}");
    // None of them became known by that.
    team.coordinator.sync(&relay_a.url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roster_pins() {
    let team = Team::new(0, 1);
    let relay = tls_relay(&team.folder.path().join("relay")).await;
    let named = |pins: &[Pin]| {
        let pins = pins.iter().map(|pin| pin.to_bytes()).collect();
        vec![RelayAddress {
            relay: relay.url.relay().unwrap(),
            addresses: vec![relay.url.base()],
            pins,
        }]
    };
    let phone = create(&team.folder.path().join("phone"));
    let request = phone.request_to_join().unwrap();
    let relays = named(relay.url.pins());
    let (answer, _) = team.coordinator.invite(&request, Role::Educator, &relays).unwrap();
    phone.join(&answer).unwrap();
    let bare = with_pins(&relay, Vec::new());
    team.coordinator.sync(&bare).await.unwrap();
    assert_eq!(phone.sync(&bare).await.unwrap().requests, 1);
    // Another key is another matter, though the relay is known.
    team.coordinator.set_relays(&named(&[Pin::new([7; 32])])).unwrap();
    assert_eq!(refusal(&team, &bare).await, TlsRefusal::OtherKey);
}

/// Over a network that no pin protects, whoever answers has to be the relay that the team knows: once, since it goes by its id then.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_the_roster_names_proves_its_key_once() {
    let team = Team::new(0, 1);
    let relay = relay(&team.folder.path().join("relay")).await;
    let named = |relay_id| RelayAddress {
        relay: relay_id,
        addresses: vec![relay.url.base()],
        pins: Vec::new(),
    };
    let bare = RelayUrl::new("127.0.0.1".into(), relay.url.port(), None);
    team.coordinator.set_relays(&[named(haversack::Relay::new([9; 16]))]).unwrap();
    let refused = team.coordinator.sync(&bare).await;
    assert!(matches!(refused, Err(Error::OtherRelay)), "{refused:?}");
    team.coordinator.set_relays(&[named(relay.url.relay().unwrap())]).unwrap();
    for requests in [2, 1] {
        assert_eq!(team.coordinator.sync(&bare).await.unwrap().requests, requests);
    }
}
