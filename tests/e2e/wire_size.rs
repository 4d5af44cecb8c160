//! What a sync costs, over real sockets, headers included.

use crate::team::{Team, day, relay};

/// An outing of 25 contacts with clients, each with a few things given and taken.
#[tokio::test(flavor = "multi_thread")]
async fn an_outing_of_25_contacts_costs_at_most_100_bytes_a_contact() {
    use haversack::model::*;
    let team = Team::new(1, 25);
    let relay = relay(&team.folder.path().join("relay")).await;
    team.coordinator.sync(&relay.url).await.unwrap();
    let phone = &team.phones[0];
    phone.sync(&relay.url).await.unwrap();
    let line = |direction, item| Line { direction, item };
    for n in 0..25 {
        let contact = team
            .contact(n as usize, 5 + n % 7)
            .line(line(Direction::In, Item::USED_MIXED), Quantity::new(3 * n % 11).unwrap())
            .line(line(Direction::Out, Item::CONDOM_M), Quantity::new(n % 5).unwrap());
        phone.log(day("2008-02-04"), &[contact]).unwrap();
    }
    let report = phone.sync(&relay.url).await.unwrap();
    let bytes = report.bytes_up + report.bytes_down;
    println!("25 contacts: {bytes} bytes, {} a contact", bytes / 25);
    assert_eq!(report.requests, 1);
    assert!(bytes <= 25 * 100, "{bytes} bytes");
    team.coordinator.sync(&relay.url).await.unwrap();
    assert_eq!(team.coordinator.status().unwrap().contacts, 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_sync_is_one_request_of_at_most_600_bytes_each_way() {
    let team = Team::new(1, 1);
    let relay = relay(&team.folder.path().join("relay")).await;
    team.coordinator.sync(&relay.url).await.unwrap();
    team.phones[0].sync(&relay.url).await.unwrap();
    team.coordinator.sync(&relay.url).await.unwrap();
    // That the phone has joined is answered with the next.
    team.coordinator.sync(&relay.url).await.unwrap();
    let idle = team.coordinator.sync(&relay.url).await.unwrap();
    println!("idle: {} bytes up, {} down", idle.bytes_up, idle.bytes_down);
    assert_eq!((idle.requests, idle.pushed, idle.received.applied), (1, 0, 0));
    assert!(idle.bytes_up <= 600 && idle.bytes_down <= 600, "{idle:?}");
}
