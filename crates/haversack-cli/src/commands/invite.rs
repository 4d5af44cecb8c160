//! `haversack invite`: answers a request to join.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueHint;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use haversack::{RelayUrl, Role};
use serde::Serialize;

use crate::error::Error;
use crate::files;
use crate::global::{Global, close};
use crate::output::Show;
use crate::qr::{Codes, QrArgs};

/// How a request begins.
const MARK: &str = "HSR1";
const ROLES: [(&str, Role); 7] = [
    ("educator", Role::Educator),
    ("supervisor", Role::Supervisor),
    ("coordinator", Role::Coordinator),
    ("clinic", Role::Clinic),
    ("stock_keeper", Role::StockKeeper),
    ("trainer", Role::Trainer),
    ("archive", Role::Archive),
];

/// Answers a device's request to join the team; coordinators only
#[derive(Debug, clap::Args)]
#[command(long_about = "Answers a device's request to join the team; coordinators only.\n\n\
    Takes the text of haversack join --request, prints the answer for the new device's haversack join, and six words. \
    Read the words to each other: both sides must see the same.\n\n\
    Both texts hold one-time secrets. Other programs of this machine can see arguments: better pipe the request in, paste it \
    when asked, or name a file.\n\n\
    With the team's root key on this device (haversack recovery use --root) it invites even where it is no coordinator, or was \
    removed: so a team goes on that has nobody left.\n\n\
    Example:\n  haversack invite --relay http://10.0.0.2:8080#00112233445566778899aabbccddeeff < request.txt")]
pub(crate) struct Args {
    /// The device's request (HSR1-…); from stdin when omitted or -
    #[arg(value_name = "REQUEST")]
    request: Option<String>,
    /// A file with the request in it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "request")]
    file: Option<PathBuf>,
    /// What the new device may do
    #[arg(long, default_value = "educator", value_parser = role())]
    role: Role,
    /// A relay to tell the whole team of, with its id, and its pin if it has one; may be given several times
    #[arg(long = "relay", value_name = "URL#ID[.PIN]", value_hint = ValueHint::Url)]
    relays: Vec<RelayUrl>,
    #[command(flatten)]
    qr: QrArgs,
}

/// A role, by its name.
pub(crate) fn role() -> impl TypedValueParser<Value = Role> {
    let value = |(name, role): (&'static str, Role)| match role {
        // As it was written before.
        Role::StockKeeper => PossibleValue::new(name).alias("stock-keeper"),
        _ => PossibleValue::new(name),
    };
    let names = PossibleValuesParser::new(ROLES.map(value));
    names.map(|text| {
        let role = ROLES.iter().find(|(name, _)| *name == text.replace('-', "_"));
        role.map_or(Role::Educator, |(_, role)| *role)
    })
}

/// A role's name.
pub(crate) fn role_name(role: Option<Role>) -> &'static str {
    let named = ROLES.iter().find(|(_, known)| Some(*known) == role);
    named.map_or("other (newer app)", |(name, _)| name)
}

/// A request was answered.
#[derive(Debug, Serialize)]
pub(crate) struct Invitation {
    answer: String,
    words: String,
    role: &'static str,
    /// How many relays the team's roster names.
    relays: u64,
    #[serde(flatten)]
    codes: Codes,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Invitation, Error> {
    if args.relays.iter().any(|url| url.relay().is_none()) {
        return Err(Error::RelayWithoutId);
    }
    args.qr.check()?;
    let given = files::code(args.request.as_deref(), args.file.as_deref(), MARK)?;
    let notebook = global.open()?;
    let request = given.map_or_else(|| files::pasted(MARK), Ok)?;
    let relays = notebook.relays_with(&args.relays)?;
    let (answer, words) = notebook.invite(&request, args.role, &relays)?;
    let relays = notebook.relays()?.len() as u64;
    close(&notebook);
    let (words, role) = (words.to_string(), role_name(Some(args.role)));
    let codes = args.qr.codes(&answer)?;
    Ok(Invitation { answer, words, role, relays, codes })
}

impl Show for Invitation {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", self.answer)?;
        self.codes.text(out)?;
        writeln!(out, "six words: {}\n", self.words)?;
        writeln!(out, "Send the text above to the new device, whose haversack join takes it.")?;
        writeln!(
            out,
            "Then read the six words to each other: if they differ, somebody changed the texts on their way."
        )?;
        match self.relays {
            0 => writeln!(
                out,
                "\nThe team's roster names no relay: haversack sync needs --relay on every device then, each time. Name one for \
                all: haversack relay add http://HOST:PORT#ID"
            ),
            _ => Ok(()),
        }
    }
}
