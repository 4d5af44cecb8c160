//! What a sync costs, over real sockets, headers included.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use haversack::RelayUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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

/// A line to a relay that counts connections. If it is asked to, it closes each when a second request comes over it.
pub(crate) async fn counted(relay: &RelayUrl, closes: bool) -> (RelayUrl, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (to, count) = (relay.authority(), Arc::new(AtomicUsize::new(0)));
    let opened = count.clone();
    tokio::spawn(async move {
        while let Ok((phone, _)) = listener.accept().await {
            opened.fetch_add(1, Ordering::SeqCst);
            let relay = TcpStream::connect(&to).await.unwrap();
            tokio::spawn(carry(phone, relay, closes));
        }
    });
    (RelayUrl::new("127.0.0.1".into(), port, relay.relay()), count)
}

async fn carry(mut phone: TcpStream, mut relay: TcpStream, closes: bool) {
    let (mut up, mut down) = ([0; 4_096], [0; 4_096]);
    let mut is_answered = false;
    loop {
        tokio::select! {
            read = phone.read(&mut up) => match read {
                Ok(read @ 1..) if !(closes && is_answered) => relay.write_all(&up[..read]).await.unwrap(),
                _ => return,
            },
            read = relay.read(&mut down) => match read {
                Ok(read @ 1..) => {
                    is_answered = true;
                    phone.write_all(&down[..read]).await.unwrap();
                }
                _ => return,
            },
        }
    }
}

/// Who meets a relay for the first time asks it twice.
#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_a_sync_share_a_connection_or_go_on_over_another() {
    for closes in [false, true] {
        let team = Team::new(1, 1);
        let relay = relay(&team.folder.path().join("relay")).await;
        team.coordinator.sync(&relay.url).await.unwrap();
        let (url, opened) = counted(&relay.url, closes).await;
        let met = team.phones[0].sync(&url).await.unwrap();
        assert!(met.requests >= 2 && met.received.applied > 0, "{met:?}");
        let expect = if closes { met.requests as usize } else { 1 };
        assert_eq!(opened.load(Ordering::SeqCst), expect);
    }
}
