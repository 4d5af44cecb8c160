//! A relay process, and stores that meet there.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::Command;

use serde_json::json;

use crate::bench::{Bench, Following, RelayProcess, err, out, text, with_stdin};

#[test]
fn two_stores_meet_at_a_relay() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    assert_eq!(relay.url(), format!("{}#{}", relay.address(), text(&relay.listening, "relay")));
    // The invitation tells the new device of the relay: neither side has to name it again.
    bench.join("b", &["--relay", &relay.url()]);
    // Once: which relay answers there is proved first.
    let pushed = bench.json("a", &["sync"]);
    assert_eq!((&pushed["relay"], &pushed["requests"]), (&json!(relay.url()), &json!(2)));
    bench.json("b", &["sync"]);
    bench.ok("b", &["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=2"]);
    let pushed = bench.json("b", &["sync"]);
    assert_eq!((&pushed["requests"], &pushed["pushed"]), (&json!(1), &json!(1)));
    assert_eq!(
        pushed["own"],
        json!({ "here_only": 0, "carried": 0, "relayed": 1, "acknowledged": 0, "refused": 0 })
    );
    assert!(pushed["bytes_up"].as_u64().unwrap() > 0);
    assert_eq!(bench.json("a", &["sync", "--relay", &relay.address()])["contacts"], 1);
    assert_eq!(bench.records("a"), bench.records("b"));

    let said = bench.ok("a", &["sync"]);
    assert!(said.contains("held by the relay, not yet acknowledged"), "{said}");
    assert_eq!(relay.stop(), Some(0));
}

#[test]
fn a_relay_with_a_certificate_of_its_own_is_known_by_its_pin() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start_with(&bench, &bench.path("relay"), &["--tls-self-signed"]);
    let (id, pin) = (text(&relay.listening, "relay"), text(&relay.listening, "pin"));
    assert!(relay.address().starts_with("https://127.0.0.1:"));
    assert_eq!(relay.url(), format!("{}#{id}.{pin}", relay.address()));
    // The roster has the pin from the invitation on: neither side names it again.
    bench.join("b", &["--relay", &relay.url()]);
    bench.json("a", &["sync"]);
    assert_eq!(bench.json("b", &["sync"])["requests"], 1);
    let other = relay.url().replace(&pin, &"0".repeat(64));
    let refused = fails(&bench, &["sync", "--relay", &other]);
    assert!(refused.contains("its key is not the one that was pinned"), "{refused}");
    assert!(refused.contains("nothing was sent"), "{refused}");

    // Restarted, and with the same certificate handed to it as files.
    let file = bench.path("relay").join("tls.pem");
    assert_eq!(relay.stop(), Some(0));
    let file = file.to_str().unwrap();
    let handed = ["--tls-cert", file, "--tls-key", file];
    let again = RelayProcess::start_with(&bench, &bench.path("relay"), &handed);
    assert_eq!(text(&again.listening, "pin"), pin);
    assert_eq!(again.url(), format!("{}#{id}", again.address()));
}

#[test]
fn a_proxy_that_cannot_be_used_is_named() {
    let bench = Bench::with_team();
    let relay = "http://127.0.0.1:1#07070707070707070707070707070707";
    let refused = fails(&bench, &["sync", "--relay", relay, "--proxy", "http://127.0.0.1:1"]);
    assert!(refused.contains("the proxy does not answer"), "{refused}");
    assert!(refused.contains("check --proxy and HAVERSACK_PROXY"), "{refused}");
}

#[test]
fn a_team_has_several_relays_and_syncs_with_each() {
    let bench = Bench::with_team();
    let [one, two] = ["one", "two"].map(|name| RelayProcess::start(&bench, &bench.path(name)));
    assert!(bench.ok("a", &["relay", "list"]).contains("no relay is named"));
    bench.ok("a", &["relay", "add", &one.url()]);
    // Without its id, the relay is asked for it.
    let added = bench.json("a", &["relay", "add", &two.address()]);
    assert_eq!(added["relay"], two.listening["relay"]);
    bench.ok("a", &["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=2"]);
    let unsynced = |args: &[&str]| bench.json("a", &[&["contacts"], args].concat());
    assert_eq!(unsynced(&["--unsynced"])[0]["state"], json!("here_only"));
    let synced = bench.json("a", &["sync"]);
    assert_eq!(synced["relays"].as_array().unwrap().len(), 2);
    assert!(synced["records"].as_u64().unwrap() >= 2, "to each of the two");
    assert_eq!(synced["failed"], json!([]));
    assert_eq!(unsynced(&["--unsynced", "--last", "5"])[0]["state"], json!("relayed"));
    assert!(bench.ok("a", &["contacts"]).contains("held by a relay"));
    let status = bench.json("a", &["status"]);
    assert_eq!(status["held"]["relays"][1]["lacks"], json!(0));
    // One of them is away: the other is enough.
    assert_eq!(two.stop(), Some(0));
    let synced = bench.json("a", &["sync"]);
    assert_eq!(synced["failed"].as_array().unwrap().len(), 1);
    bench.ok("a", &["relay", "remove", text(&added, "relay").get(..8).unwrap()]);
    assert_eq!(bench.json("a", &["sync"])["failed"], json!([]));
    let refused = bench.on("a", &["relay", "remove", "ffff"]).output().unwrap();
    assert!(err(&refused).contains("this relay is not known here"), "{}", err(&refused));
    assert_eq!(one.stop(), Some(0));
}

#[test]
fn a_relay_says_in_one_line_where_it_listens() {
    let bench = Bench::new();
    let serve =
        ["relay", "serve", "--listen", "127.0.0.1:0", "--data", "relay", "--stop-with-stdin"];
    let output = with_stdin(bench.command(&serve), "");
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
    let line = out(&output);
    let (id, url) = line.strip_prefix("relay ").unwrap().split_once(" listening on ").unwrap();
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with(&format!("#{id}\n")), "{line}");
    assert_eq!((id.len(), line.lines().count()), (32, 1));
}

#[cfg(unix)]
#[test]
fn a_relay_stops_when_asked() {
    for signal in ["-INT", "-TERM"] {
        let bench = Bench::new();
        let mut relay = RelayProcess::start(&bench, &bench.path("relay"));
        let sent = Command::new("kill").args([signal, &relay.id().to_string()]).status();
        assert!(sent.unwrap().success());
        assert_eq!(relay.ended(), Some(0), "{signal}");
        // It is the same relay afterwards.
        let again = RelayProcess::start(&bench, &bench.path("relay"));
        assert_eq!(again.listening["relay"], relay.listening["relay"]);
    }
}

#[test]
fn a_relay_has_its_folder_and_its_port_to_itself() {
    let bench = Bench::new();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    let port = relay.address().replace("http://", "");
    let serve = |data: &str, listen: &str, code: i32| {
        let output = bench
            .command(&["relay", "serve", "--data", data, "--listen", listen])
            .output()
            .unwrap();
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(code), ""));
        err(&output)
    };
    assert!(serve("relay", "127.0.0.1:0", 5).contains("another process uses the data directory"));
    assert!(serve("other", &port, 1).contains(&format!("cannot listen on {port}")));
    bench.ok("store", &["init"]);
    assert!(serve("store", "127.0.0.1:0", 8).contains("this folder holds a store"));
    assert!(!bench.path("store/relay.db").exists());
    assert_eq!(bench.refused("relay", &["init"])["code"], "store_exists");
    assert!(!bench.path("relay/data.db").exists());
    assert!(serve("other", "nonsense", 1).contains("cannot listen on nonsense"));
}

#[test]
fn another_relay_is_refused() {
    let bench = Bench::with_team();
    bench.ok("a", &["log", "--date", "2008-02-04", "--site", "KM-V", "--people", "1"]);
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    let id = text(&relay.listening, "relay");
    let wrong: String = id.chars().rev().collect();
    let said = refused(&bench, &format!("{}#{wrong}", relay.address()));
    assert!(
        said.contains("another relay answers") && said.contains("hint: nothing was sent"),
        "{said}"
    );
    bench.ok("a", &["sync", "--relay", &relay.url()]);
    // Once met, the address alone is enough to notice a change.
    let said = refused(&bench, &format!("{}#{wrong}", relay.address()));
    assert!(said.contains("another relay answers"), "{said}");
}

/// A server that is no relay, a relay that dies, and nobody.
#[test]
fn what_is_no_relay_is_refused() {
    let bench = Bench::with_team();
    bench.ok("a", &["log", "--date", "2008-02-04", "--site", "KM-V", "--people", "1"]);
    let cases: [(&'static [u8], &str); 4] = [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "what answers at this address is not a relay",
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "what answers at this address is not a relay",
        ),
        (b"220 mail.example ESMTP\r\n", "what answers at this address is not a relay"),
        (b"", "the connection to the relay broke"),
    ];
    for (answer, expected) in cases {
        let said = refused(&bench, &server(answer));
        assert!(said.contains(expected) && said.contains("\nhint: "), "{expected}: {said}");
    }
    // Nobody listens on port 1.
    let said = refused(&bench, "http://127.0.0.1:1");
    assert!(said.contains("no relay answers") && said.contains("caused by: "), "{said}");
    assert_ne!(bench.json("a", &["status"])["own"]["here_only"], 0);
}

/// Answers one request with these bytes and hangs up; gives its address.
fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4_096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(answer);
        let _ = stream.shutdown(Shutdown::Both);
    });
    format!("http://{address}")
}

fn refused(bench: &Bench, url: &str) -> String {
    let output = bench.on("a", &["sync", "--relay", url]).output().unwrap();
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(6), ""), "{}", err(&output));
    err(&output)
}

#[test]
fn a_store_that_follows_hears_of_news() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start_with(&bench, &bench.path("relay"), &["--tls-self-signed"]);
    bench.join("b", &["--relay", &relay.url()]);
    bench.json("a", &["sync"]);
    bench.json("b", &["sync"]);
    let mut following = Following::start(&bench, "a");
    assert_eq!(following.next()["contacts"], 0);
    bench.ok("b", &["log", "--date", "2008-02-04", "--site", "KM-V", "--out", "swab=2"]);
    bench.json("b", &["sync"]);
    while following.next()["contacts"] != 1 {}
    assert_eq!(following.end()["contacts"], 1);
}

/// Following begins although the relay does not answer yet, and says so.
#[test]
fn who_follows_waits_for_a_relay_that_is_not_there_yet() {
    let bench = Bench::with_team();
    let relay = RelayProcess::start(&bench, &bench.path("relay"));
    bench.join("b", &["--relay", &relay.url()]);
    drop(relay);
    let mut following = Following::start(&bench, "a");
    let tried = following.next();
    assert!(tried["failed"].as_str().unwrap().contains("no relay answers"), "{tried}");
    let end = following.end();
    assert_eq!((&end["relay"], &end["pushed"]), (&json!(null), &json!(0)));
}

/// What a command of the store `a` that fails says.
fn fails(bench: &Bench, args: &[&str]) -> String {
    let output = bench.on("a", args).output().unwrap();
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(6), ""));
    err(&output)
}
