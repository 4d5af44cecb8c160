//! `haversack relay serve`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueHint;
use haversack::RelayUrl;
use haversack_relay::Relay;
use serde::Serialize;
use tokio::net::TcpListener;

use super::stop;
use crate::error::Error;
use crate::output::{Format, hex};

/// Serves a relay until it is told to stop
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Serves a relay until it is told to stop, by Ctrl-C or SIGTERM. When it listens it prints one line, with \
    the address and the relay's id that devices sync with.\n\n\
    A relay holds sealed frames and no key: it cannot read a record, and it logs no address. Whoever watches its network \
    still sees who talks to it and how much, for it speaks plain HTTP: put TLS in front of it, or a tunnel, before it is \
    reached over a network that you do not own. It takes no passphrase and no store. Back up the folder: its key \
    is the relay's identity.\n\n\
    Example:\n  haversack relay serve --listen 127.0.0.1:8080 --data relay-data"
)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
    /// The relay's folder, made if there is none
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: PathBuf,
    /// Stops when stdin closes, so as not to outlive the program that started it
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

/// A relay listens.
#[derive(Debug, Serialize)]
struct Listening {
    address: String,
    relay: String,
    url: String,
}

/// Runs it.
pub(crate) async fn run(args: &Args, format: Format) -> Result<(), Error> {
    let relay = Relay::open(&args.data)?;
    let failed = |source| Error::Listen { address: args.listen.clone(), source };
    let listener = TcpListener::bind(&args.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let stop = stop::requested(args.stop_with_stdin).map_err(|source| Error::Runtime { source })?;
    let listening = Listening::new(address, &relay);
    listening.print(format).map_err(|source| Error::Output { source })?;
    Ok(relay.serve(listener, stop).await?)
}

impl Listening {
    fn new(address: SocketAddr, relay: &Relay) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        let url = RelayUrl::new(host, address.port(), Some(relay.id()));
        Self { address: url.base(), relay: hex(relay.id().to_bytes()), url: url.to_string() }
    }

    /// Prints one line and no more: programs wait for it.
    fn print(&self, format: Format) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match format {
            Format::Text => writeln!(out, "relay {} listening on {}", self.relay, self.url)?,
            Format::Json => {
                serde_json::to_writer(&mut out, self)?;
                writeln!(out)?;
            }
        }
        out.flush()
    }
}
