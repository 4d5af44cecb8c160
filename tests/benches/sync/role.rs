//! What this program does as a process of its own.

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;

use haversack::{Notebook, RelayUrl};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::machine::{forget_peak, median, resident, time};
use crate::reference::Data;
use crate::team::{client_ids, passphrase};

pub(crate) fn play(args: &[&str]) {
    let found = match args {
        ["relay", data, listen] => return relay(data.as_ref(), listen),
        ["sync", store, url] => sync(store.as_ref(), &url.parse().unwrap()),
        ["log", store, outing] => log(store.as_ref(), outing.parse().unwrap()),
        ["connect", address] => connect(address),
        _ => panic!("no such role: {args:?}"),
    };
    println!("{found}");
}

/// Serves until stdin closes.
fn relay(data: &Path, listen: &str) {
    let relay = haversack_relay::Relay::open(data).unwrap();
    Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        println!("{}", RelayUrl::new(address.ip().to_string(), address.port(), Some(relay.id())));
        let stdin = || std::io::stdin().read_to_end(&mut Vec::new());
        let closed = async { drop(tokio::task::spawn_blocking(stdin).await) };
        relay.serve(listener, closed).await.unwrap();
    });
}

/// Opens a store, syncs it once, and closes it.
fn sync(store: &Path, url: &RelayUrl) -> Value {
    let runtime = Runtime::new().unwrap();
    let notebook = Notebook::open(store, &passphrase()).unwrap();
    let before = notebook.status().unwrap().contacts;
    forget_peak();
    let (idle, _) = resident();
    let (ms, report) = time(|| runtime.block_on(notebook.sync(url)).unwrap());
    let (_, peak) = resident();
    let contacts = notebook.status().unwrap().contacts;
    notebook.close().unwrap();
    json!({
        "ms": ms, "requests": report.requests, "up": report.bytes_up, "down": report.bytes_down,
        "bytes": report.bytes_up + report.bytes_down,
        "idle_kib": idle, "peak_kib": peak, "new_contacts": contacts - before,
        "pushed": report.pushed, "received": report.received.applied + report.received.known,
    })
}

/// Logs an outing of the reference data, contact by contact, offline.
fn log(store: &Path, outing: usize) -> Value {
    let notebook = Notebook::open(store, &passphrase()).unwrap();
    let data = Data::draw(outing + 1);
    let clients = client_ids(&notebook);
    let outing = data.outings.last().unwrap();
    for contact in &outing.contacts {
        notebook.log(outing.day, &[contact.draft(outing.site, &clients)]).unwrap();
    }
    notebook.close().unwrap();
    json!({ "logged": outing.contacts.len() })
}

/// Milliseconds until a bare connection stands: what the network takes before anything can be said.
fn connect(address: &str) -> Value {
    let connect = |_| time(|| TcpStream::connect(address).unwrap()).0;
    json!({ "ms": median((0..3).map(connect).collect()) })
}
