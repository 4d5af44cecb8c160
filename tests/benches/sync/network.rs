//! Syncing over bad networks: a phone and the relay as processes in two network namespaces, a shaper between them
//! (`network/shaper.py`). Seconds, bytes and requests, the seconds split into what the connection takes to stand and what is ours.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::figure::Figure;
use crate::process::{Place, Relay, device, sync};
use crate::reference::{CONTACTS_OF_OUTING, OUTINGS};
use crate::team::Team;

const PHONE: Place<'_> = &["ip", "netns", "exec", "haversack-phone"];
const RELAY: Place<'_> = &["ip", "netns", "exec", "haversack-relay"];
const SMALL: &str = "10.77.0.1:8081";
const LARGE: &str = "10.77.0.1:8082";
/// 22,500 contacts.
const OUTINGS_LARGE: usize = 900;

/// A network: kbit/s up and down, milliseconds one way and how much they vary, per cent lost and per cent overtaken. Rates and
/// delays are those that web performance tools call by these names.
struct Profile {
    name: &'static str,
    up: u32,
    down: u32,
    delay: u32,
    jitter: u32,
    loss: f64,
    reorder: f64,
}

const PROFILES: [Profile; 3] = [
    Profile { name: "2g", up: 32, down: 35, delay: 650, jitter: 100, loss: 1.0, reorder: 1.0 },
    Profile { name: "edge", up: 200, down: 240, delay: 420, jitter: 60, loss: 1.0, reorder: 1.0 },
    Profile { name: "slow3g", up: 400, down: 400, delay: 200, jitter: 40, loss: 1.0, reorder: 1.0 },
];

/// The shaper, until it is dropped.
struct Shaper {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Shaper {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/network/shaper.py");
        let mut command = Command::new("python3");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take();
        let mut shaper = Self { child, stdin, stdout };
        shaper.line();
        shaper
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Sets a profile, or none; gives what passed since the last time.
    fn set(&mut self, profile: Option<&Profile>) -> Value {
        let line = profile.map_or(json!({}), |p| {
            json!({
                "up": p.up, "down": p.down, "delay": p.delay, "jitter": p.jitter, "loss": p.loss, "reorder": p.reorder,
            })
        });
        writeln!(self.stdin.as_ref().unwrap(), "{line}").unwrap();
        self.line()
    }
}

impl Drop for Shaper {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// The stores that one profile needs.
struct Stores {
    phone: PathBuf,
    first: PathBuf,
    first_large: PathBuf,
}

/// Measures the profiles with these names, or all; says so in words where this machine cannot.
pub(crate) fn run(names: &[&str]) {
    if let Some(reason) = missing() {
        println!("{}", json!({ "row": "network", "skipped": reason }));
        return;
    }
    let unknown = names.iter().find(|name| PROFILES.iter().all(|p| p.name != **name));
    assert!(unknown.is_none(), "no profile is called {unknown:?}");
    let profiles = PROFILES.iter().filter(|p| names.is_empty() || names.contains(&p.name));
    let profiles: Vec<&Profile> = profiles.collect();
    let (mut small, mut large) = (Team::make(OUTINGS), Team::make(OUTINGS_LARGE));
    let stores = |(p, n): (&&Profile, usize)| Stores {
        phone: small.phone(n),
        first: small.new_device(&format!("first-{}", p.name)),
        first_large: large.new_device(&format!("first-{}", p.name)),
    };
    let stores: Vec<Stores> = profiles.iter().zip(0..).map(stores).collect();
    let mut shaper = Shaper::start();
    small.move_relay(RELAY, SMALL);
    large.move_relay(RELAY, LARGE);
    for ((profile, stores), turn) in profiles.into_iter().zip(stores).zip(1..) {
        measure(&mut shaper, profile, &stores, [&small.relay, &large.relay], turn);
    }
}

/// Why it cannot be done here.
fn missing() -> Option<&'static str> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let runs = |program: &str, arg: &str| {
        Command::new(program).arg(arg).stdout(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    match () {
        () if !is_root => Some("needs root, for network namespaces"),
        () if !Path::new("/dev/net/tun").exists() => Some("needs /dev/net/tun"),
        () if !runs("ip", "-V") => Some("needs ip, of iproute2"),
        () if !runs("python3", "--version") => Some("needs python3"),
        () => None,
    }
}

fn measure(
    shaper: &mut Shaper,
    profile: &Profile,
    stores: &Stores,
    [small, large]: [&Relay; 2],
    turn: usize,
) {
    shaper.set(None);
    // The first meeting at this address takes a request of its own; whatever is left to say is said.
    (0..2).for_each(|_| drop(sync(PHONE, &stores.phone, &small.url)));
    shaper.set(Some(profile));
    let stands = device(PHONE, &["connect", &small.url.authority()])["ms"].as_f64().unwrap() / 1e3;
    shaper.set(Some(profile));
    // The requests of a sync share one connection.
    let mut row = |name: &str, store: &Path, relay: &Relay, new: usize| {
        let found = sync(PHONE, store, &relay.url);
        let passed = shaper.set(Some(profile));
        let seconds = found["ms"].as_f64().unwrap() / 1e3;
        assert_eq!(found["new_contacts"], new);
        Figure::new("network", &format!("{}: {name}", profile.name), seconds, "s")
            .with("set_up_s", stands)
            .with("ours_s", seconds - stands)
            .with("requests", found["requests"].clone())
            .with("bytes", found["bytes"].clone())
            .with("bytes_on_the_line", passed["bytes"].clone())
            .with("packets", passed["packets"].clone())
            .with("packets_lost", passed["lost"].clone())
            .print();
    };
    row("idle sync", &stores.phone, small, 0);
    device(&[], &["log", stores.phone.to_str().unwrap(), &OUTINGS.to_string()]);
    row("push one outing of 25", &stores.phone, small, 0);
    // Each profile's phone has pushed an outing by then.
    row("first sync of 5,000", &stores.first, small, (OUTINGS + turn) * CONTACTS_OF_OUTING);
    row("first sync of 22,500", &stores.first_large, large, OUTINGS_LARGE * CONTACTS_OF_OUTING);
}
