//! A relay that says when there is something, and a device that stays in touch.

use haversack::{Notebook, RelayUrl, SyncReport};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::team::{Team, day, tls_relay};

/// Follows a relay; what each sync did comes out of the channel.
pub(crate) fn following(notebook: &Notebook, url: &RelayUrl) -> UnboundedReceiver<SyncReport> {
    let (told, reports) = unbounded_channel();
    let (notebook, url) = (notebook.clone(), url.clone());
    tokio::spawn(async move {
        let tell = |synced: &Result<SyncReport, _>| {
            // The test may have heard enough.
            let _ = told.send(synced.as_ref().unwrap().clone());
        };
        notebook.follow(&url, tell).await
    });
    reports
}

#[tokio::test(flavor = "multi_thread")]
async fn news_arrive_by_themselves() {
    let mut team = Team::new(2, 1);
    team.start_by_file();
    let relay = tls_relay(&team.folder.path().join("relay")).await;
    let [a, b] = [team.phones.remove(0), team.phones.remove(0)];
    let mut reports = following(&a, &relay.url);
    assert_eq!(reports.recv().await.unwrap().contacts, 0);
    for contacts in 1..=3 {
        b.log(day("2008-02-04"), &[team.contact(0, 4)]).unwrap();
        b.sync(&relay.url).await.unwrap();
        // It may be woken more than once for what came with one sync.
        while reports.recv().await.unwrap().contacts == 0 {}
        assert_eq!(a.status().unwrap().contacts, contacts);
    }
    // What is there already is said at once.
    b.log(day("2008-02-05"), &[team.contact(0, 4)]).unwrap();
    b.sync(&relay.url).await.unwrap();
    assert!(team.coordinator.wait_for_news(&relay.url).await.unwrap());
}
