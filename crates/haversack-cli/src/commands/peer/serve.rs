//! `haversack peer serve`.

use std::io::{self, Write};
use std::net::SocketAddr;

use haversack::PeerServer;
use serde::Serialize;

use crate::commands::relay::stop;
use crate::commands::sync::Arrived;
use crate::error::Error;
use crate::global::{Global, close};
use crate::output::{Format, Show, Table};
use crate::qr;

/// Answers other devices of the team on this network until it is told to stop
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Answers other devices of the team on this network until it is told to stop, by Ctrl-C or SIGTERM. Where there is \
    no network, one phone's hotspot is enough.\n\n\
    It prints an address that is good for this one time; with --qr as a code to scan, too. There, haversack sync --peer ADDRESS \
    brings what that device has, and takes what this one has: its own records that nobody has acknowledged, and what it carries for \
    others. Both keep what came for the next relay as well. Nothing counts as safe by that: only a signed \
    acknowledgement says so.\n\n\
    The address holds the pin of a certificate made just now, so nobody can step in between; whoever is not of the team is told \
    nothing. Whoever watches the network sees that two devices talk, and how much.\n\n\
    Example:\n  haversack peer serve --qr"
)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:0")]
    listen: SocketAddr,
    /// The name or address by which others reach this machine; found out when omitted
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Shows the address as a QR code too
    #[arg(long)]
    qr: bool,
    /// Stops when stdin closes, so as not to outlive the program that started it
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

/// What was done until it stopped.
#[derive(Debug, Serialize)]
pub(crate) struct Served {
    /// Requests of other devices that were answered to their end.
    answered: u32,
    received: Arrived,
}

/// The line that says where it listens.
#[derive(Debug, Serialize)]
struct Listening {
    url: String,
    code: String,
}

/// Runs it.
pub(crate) async fn run(global: &Global, args: &Args) -> Result<Served, Error> {
    let notebook = global.open()?;
    let server = PeerServer::bind(&notebook, args.listen, args.host.clone()).await?;
    let stop = stop::requested(args.stop_with_stdin).map_err(|source| Error::Runtime { source })?;
    let listening = Listening { url: server.url().to_string(), code: server.url().to_code() };
    let drawn = args.qr.then(|| qr::drawn_one(&listening.code)).transpose()?;
    let printed = listening.print(global.format(), drawn.as_deref());
    printed.map_err(|source| Error::Output { source })?;
    let report = server.serve(stop).await;
    close(&notebook);
    Ok(Served { answered: report.answered, received: report.received.into() })
}

impl Listening {
    /// Prints one line, and the code: programs wait for the line.
    fn print(&self, format: Format, drawn: Option<&str>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match format {
            Format::Text => {
                writeln!(out, "haversack sync --peer {}", self.url)?;
                drawn.iter().try_for_each(|code| writeln!(out, "{code}"))?;
            }
            Format::Json => {
                serde_json::to_writer(&mut out, self)?;
                writeln!(out)?;
            }
        }
        out.flush()
    }
}

impl Show for Served {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::default();
        table.pair("requests answered", self.answered);
        self.received.lines(&mut table);
        table.write(out)
    }
}
