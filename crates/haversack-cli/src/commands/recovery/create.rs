//! `haversack recovery create`: makes the code.

use std::io::{self, Write};

use haversack::RootShare;
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;

/// Makes a recovery code, or shares of the team's root key, and prints it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Makes a recovery code and prints it: twelve words that open the store without its passphrase and \
    without its key file. A code that was made before opens nothing any more.\n\n\
    Write the words on paper and lock it away, not with the device; then haversack recovery rehearse. Whoever has the \
    words and the device, or a copy of its store, has everything.\n\n\
    With --root: splits the team's root key, where it is kept on this device, into shares for several people. So many of them \
    together remove any coordinator and undo what it decided; fewer learn nothing. Shares that were made before stay good. \
    Then haversack recovery rehearse --root, and haversack recovery forget-root.\n\n\
    Example:\n  haversack recovery create\n  haversack recovery rehearse\n  haversack recovery create --root --shares 5 --needed 3"
)]
pub(crate) struct Args {
    /// The root key of the team, in shares
    #[arg(long, requires_all = ["shares", "needed"])]
    root: bool,
    /// How many shares to make, at most 16
    #[arg(long, value_name = "N", requires = "root")]
    shares: Option<u8>,
    /// How many of them it takes, at least 2
    #[arg(long, value_name = "K", requires = "root")]
    needed: Option<u8>,
}

/// A code was made, or shares.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Created {
    Code { code: String },
    Shares { shares: Vec<String>, needed: u8 },
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Created, Error> {
    let notebook = global.open()?;
    if let (true, Some(shares), Some(needed)) = (args.root, args.shares, args.needed) {
        let shares = notebook.split_root(needed, shares)?;
        close(&notebook);
        let text = |share: &RootShare| String::from_utf8_lossy(&share.text()).into_owned();
        return Ok(Created::Shares { shares: shares.iter().map(text).collect(), needed });
    }
    let words = notebook.add_recovery()?.words();
    close(&notebook);
    Ok(Created::Code { code: String::from_utf8_lossy(&words).into_owned() })
}

impl Show for Created {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let code = match self {
            Self::Code { code } => code,
            Self::Shares { shares, needed } => return show_shares(out, shares, *needed),
        };
        writeln!(out, "{code}\n")?;
        writeln!(out, "Write these words on paper and lock it away. They are shown this once.")?;
        writeln!(out, "Then prove that they were copied well: haversack recovery rehearse")
    }
}

fn show_shares(out: &mut dyn Write, shares: &[String], needed: u8) -> io::Result<()> {
    shares.iter().try_for_each(|share| writeln!(out, "{share}\n"))?;
    writeln!(
        out,
        "Give each share to another person, on paper. Any {needed} of these {} give the root key.",
        shares.len()
    )?;
    writeln!(
        out,
        "They are shown this once. Prove that they were copied well: haversack recovery rehearse --root"
    )?;
    writeln!(out, "Then take the key off this device: haversack recovery forget-root")
}
