//! A sync when nobody has anything to say, in a space of 30 devices that all have said something.

use haversack::{CreateOptions, Notebook, Role};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::figure::Figure;
use crate::line::Line;
use crate::process::{Relay, sync};
use crate::reference::Data;
use crate::team::{Teams, client_ids, found, passphrase};

const DEVICES: usize = 30;

pub(super) fn run(_teams: &Teams) {
    let folder = TempDir::new().unwrap();
    let relay = Relay::start(&[], &folder.path().join("relay"), "127.0.0.1:0");
    let runtime = Runtime::new().unwrap();
    let devices: Vec<Notebook> = (0..DEVICES)
        .map(|n| {
            let store = folder.path().join(n.to_string());
            Notebook::create(&store, &passphrase(), CreateOptions::cheapest()).unwrap()
        })
        .collect();
    found(&devices[0]);
    for device in &devices[1..] {
        let request = device.request_to_join().unwrap();
        let (answer, _) = devices[0].invite(&request, Role::Educator, &[]).unwrap();
        device.join(&answer).unwrap();
    }
    let sync_all =
        || devices.iter().for_each(|d| assert!(runtime.block_on(d.sync(&relay.url)).is_ok()));
    sync_all();
    for (device, outing) in devices.iter().zip(Data::draw(DEVICES).outings) {
        let clients = client_ids(device);
        let drafts: Vec<_> =
            outing.contacts.iter().map(|c| c.draft(outing.site, &clients)).collect();
        device.log(outing.day, &drafts).unwrap();
    }
    // What was logged, the coordinator's word for it, and that word to all.
    (0..4).for_each(|_| sync_all());
    devices.iter().for_each(|device| device.close().unwrap());

    let store = folder.path().join("7");
    let line = Line::open(&relay.url);
    let url = line.url(&relay.url);
    // The first meeting at this address takes a request of its own.
    sync(&[], &store, &url);
    line.take();
    let idle = sync(&[], &store, &url);
    assert_eq!((&idle["pushed"], &idle["received"]), (&0.into(), &0.into()), "not idle");
    Figure::new("idle", "idle sync, 30 devices", line.take().0 as f64, "B")
        .with("requests", idle["requests"].clone())
        .at_most(400.0)
        .print();
}
