//! `haversack join`: asks to join a team, and takes the answer.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueHint;
use serde::Serialize;

use crate::error::Error;
use crate::files;
use crate::global::{Global, Guard, close};
use crate::output::Show;
use crate::qr::{Codes, QrArgs};

/// How an answer begins.
const MARK: &str = "HSA1";

/// Joins a team by invitation: asks with --request, then takes the answer
#[derive(Debug, clap::Args)]
#[command(long_about = "Joins a team by invitation, in two steps and without a network.\n\n\
    1. haversack join --request makes this device's store if there is none, and prints a text. What \
    haversack help init says of passphrases, --key-file and --wipe-after holds for this store too.\n\
    2. A coordinator hands that text to haversack invite, which prints an answer and six words.\n\
    3. haversack join takes the answer, and prints six words too.\n\n\
    Read the words to each other, in person or on the phone. If they differ, somebody changed the text on its way.\n\n\
    A request is good for one answer and stays so until it is used: this program has no clock that it trusts, and cannot tell \
    how old it is. If nobody answered, take it back with --forget. A phone that had a former worker's store on it is handed \
    over first: haversack help device hand-over.\n\n\
    Both texts hold one-time secrets. Other programs of this machine can see arguments: better pipe the answer in, paste \
    it when asked, or name a file.\n\n\
    Examples:\n  haversack join --request > request.txt\n  haversack join < answer.txt\n  haversack join --request --qr\n  haversack join --forget")]
pub(crate) struct Args {
    /// Prints the text that a coordinator's haversack invite takes
    #[arg(long, conflicts_with_all = ["answer", "file"])]
    request: bool,
    /// Takes the request back that waits for its answer: no answer to it is of use any more
    #[arg(long, conflicts_with_all = ["request", "answer", "file"])]
    forget: bool,
    /// The coordinator's answer (HSA1-…), or all of its parts; from stdin when omitted or -
    #[arg(value_name = "ANSWER")]
    answer: Option<String>,
    /// A file with the answer in it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "answer")]
    file: Option<PathBuf>,
    #[command(flatten)]
    qr: QrArgs,
    #[command(flatten)]
    guard: Guard,
}

/// One of the two steps was made.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Step {
    Asked {
        request: String,
        #[serde(flatten)]
        codes: Codes,
    },
    Joined {
        joined: bool,
        words: String,
    },
    Forgotten {
        forgotten: bool,
    },
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Step, Error> {
    if args.qr.asked() && !args.request {
        return Err(Error::NothingToDraw);
    }
    args.qr.check()?;
    if args.request {
        let notebook = global.open_or_create(&args.guard)?;
        let request = notebook.request_to_join()?;
        let codes = args.qr.codes(&request)?;
        return Ok(Step::Asked { request, codes });
    }
    if args.forget {
        let notebook = global.open()?;
        notebook.forget_request()?;
        close(&notebook);
        return Ok(Step::Forgotten { forgotten: true });
    }
    let given = files::code(args.answer.as_deref(), args.file.as_deref(), MARK)?;
    let notebook = global.open()?;
    let answer = given.map_or_else(|| files::pasted(MARK), Ok)?;
    let words = notebook.join(&answer)?.to_string();
    close(&notebook);
    Ok(Step::Joined { joined: true, words })
}

impl Show for Step {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Asked { request, codes } => {
                writeln!(out, "{request}\n")?;
                codes.text(out)?;
                writeln!(
                    out,
                    "Hand this text to a coordinator, who gives it to haversack invite."
                )?;
                writeln!(
                    out,
                    "Then run haversack join here, with the answer. A new request makes this one useless."
                )?;
                writeln!(
                    out,
                    "If nobody answers, take it back: haversack join --forget. It does not grow old by itself."
                )
            }
            Self::Forgotten { .. } => {
                writeln!(out, "The request was taken back: no answer to it is of use any more.")
            }
            Self::Joined { words, .. } => {
                writeln!(out, "six words: {words}\n")?;
                writeln!(
                    out,
                    "Compare them with those that the coordinator's haversack invite printed, aloud."
                )?;
                writeln!(
                    out,
                    "If they differ, do not use this store: somebody changed the texts on their way."
                )?;
                writeln!(
                    out,
                    "If they are alike, this device is in the team. haversack sync fetches what is there."
                )
            }
        }
    }
}
