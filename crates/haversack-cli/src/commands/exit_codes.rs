//! `haversack exit-codes`: how commands end, for whoever calls them from a program.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::{Code, Exit};
use crate::output::Show;

/// Shows what exit codes mean, and which errors each stands for
#[derive(Debug, clap::Args)]
#[command(long_about = help())]
pub(crate) struct Args {}

fn help() -> String {
    format!(
        "Shows what exit codes mean, and which errors each stands for. Changes nothing, and needs no store.\n\n\
        With --json an error is {{\"error\": {{\"code\", \"message\", \"hints\"}}}} on stderr. Messages and hints are for people, and \
        change; a code stays.\n\n{}\nExample:\n  haversack exit-codes --json",
        Endings::all().lines()
    )
}

/// Every way to end.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Endings(Vec<Ending>);

#[derive(Debug, Serialize)]
struct Ending {
    exit: u8,
    meaning: &'static str,
    codes: Vec<&'static str>,
}

/// Runs it.
pub(crate) fn run() -> Endings {
    Endings::all()
}

impl Endings {
    fn all() -> Self {
        let ending = |exit: Exit| {
            let codes = Code::ALL.iter().filter(|code| code.exit() == exit);
            let codes = codes.map(|code| code.text()).collect();
            Ending { exit: exit.number(), meaning: exit.meaning(), codes }
        };
        Self(Exit::ALL.into_iter().map(ending).collect())
    }

    fn lines(&self) -> String {
        let line = |ending: &Ending| {
            let codes: String = ending.codes.chunks(5).fold(String::new(), |text, codes| {
                text + &format!("       {}\n", codes.join(", "))
            });
            format!("  {:3}  {}\n{codes}", ending.exit, ending.meaning)
        };
        self.0.iter().map(line).collect()
    }
}

impl Show for Endings {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}", self.lines())
    }
}
