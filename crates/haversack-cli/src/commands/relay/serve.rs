//! `haversack relay serve`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueHint;
use haversack::{EngineError, Error as NotebookError, RelayUrl};
use haversack_relay::{Relay, Tls};
use serde::Serialize;
use tokio::net::TcpListener;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::prelude::*;

use super::stop;
use crate::error::Error;
use crate::output::{Format, hex};

/// Serves a relay until it is told to stop
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Serves a relay until it is told to stop, by Ctrl-C or SIGTERM. When it listens it prints one line, with \
    the address and the relay's id that devices sync with.\n\n\
    A relay holds sealed frames and no key: it cannot read a record, and it logs no address. Without TLS, whoever watches its \
    network sees who talks to it, how much, and the right to a mailbox: never go without over a network that you do not own.\n\n\
    With --tls-self-signed it makes a certificate of its own and keeps it in its folder; the line it prints ends in the \
    certificate's pin. Hand the address at its end, from https:// on and with the name that devices use in place of \
    0.0.0.0, to haversack relay add or haversack invite --relay: then the team's devices take this key and no other, ask no authority \
    and heed no clock. With --tls-cert and --tls-key it shows a certificate of a public authority, which \
    devices check by their own clocks; a renewed one in the same files is taken up by itself. Behind a proxy that \
    does TLS it needs neither.\n\n\
    It takes no passphrase and no store. Back up the folder: its keys are the relay's identity. What whoever runs it has to know, such as \
    a disk that is full, it writes on stderr, and never who asked for what.\n\n\
    Example:\n  haversack relay serve --listen 0.0.0.0:443 --data relay-data --tls-self-signed"
)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
    /// The relay's folder, made if there is none
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: PathBuf,
    /// Speaks TLS under a certificate of its own, which devices know by its pin
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    tls_self_signed: bool,
    /// Speaks TLS under this certificate, with those that lead to its authority behind it, in PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Stops when stdin closes, so as not to outlive the program that started it
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

/// A relay listens.
#[derive(Debug, Serialize)]
struct Listening {
    address: String,
    relay: String,
    /// The SHA-256 of the certificate's public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
    url: String,
}

/// Runs it.
pub(crate) async fn run(args: &Args, format: Format) -> Result<(), Error> {
    if !matches!(
        haversack::check_locked(&args.data),
        Err(NotebookError::Engine(EngineError::NoStore))
    ) {
        return Err(Error::StoreInData);
    }
    let relay = Relay::open(&args.data)?;
    let tls = tls(args)?;
    let failed = |source| Error::Listen { address: args.listen.clone(), source };
    let listener = TcpListener::bind(&args.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let stop = stop::requested(args.stop_with_stdin).map_err(|source| Error::Runtime { source })?;
    let pin = tls.as_ref().map(|tls| tls.pin().to_string());
    let listening = Listening::new(&url(address, &relay, args, tls.as_ref()), &relay, pin);
    listening.print(format).map_err(|source| Error::Output { source })?;
    tell_operator();
    let relay = tls.into_iter().fold(relay, Relay::with_tls);
    Ok(relay.serve(listener, stop).await?)
}

/// Writes on stderr what the relay has to tell whoever runs it: a full disk, a certificate that does not fit. The relay alone: the libraries
/// that it uses might name who asks.
fn tell_operator() {
    let lines = tracing_subscriber::fmt().with_writer(io::stderr).with_target(false);
    let lines = lines.with_max_level(LevelFilter::WARN).finish();
    // Where somebody listens already, that is enough.
    let _told =
        lines.with(filter_fn(|about| about.target().starts_with("haversack_relay"))).try_init();
}

/// The certificate that is asked for.
fn tls(args: &Args) -> Result<Option<Tls>, Error> {
    Ok(match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::of_files(certificate, key)?),
        _ if args.tls_self_signed => Some(Tls::self_signed(&args.data)?),
        _ => None,
    })
}

/// Where devices reach it. Only a certificate that stays is pinned: one of an authority is replaced every few months.
fn url(address: SocketAddr, relay: &Relay, args: &Args, tls: Option<&Tls>) -> RelayUrl {
    let host = match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let url = RelayUrl::new(host, address.port(), Some(relay.id()));
    let pins = tls.filter(|_| args.tls_self_signed).map(Tls::pin).into_iter().collect();
    tls.map_or(url.clone(), |_| url.secured(pins))
}

impl Listening {
    fn new(url: &RelayUrl, relay: &Relay, pin: Option<String>) -> Self {
        let (address, relay) = (url.base(), hex(relay.id().to_bytes()));
        Self { address, relay, pin, url: url.to_string() }
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
