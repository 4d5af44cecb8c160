//! `cargo xtask soak`: what takes too long for every change.

use crate::places::Places;
use crate::shell::{self, Failure};

/// More of the same than at every change.
struct Soak {
    name: &'static str,
    about: &'static str,
    /// What cargo is told.
    command: &'static [&'static str],
    /// Set to its value meanwhile.
    variable: (&'static str, &'static str),
}

const SOAKS: [Soak; 6] = [
    Soak {
        name: "timing",
        about: "1,000 attempts each with right, wrong, duress and empty passphrases, compared by rank",
        command: &[
            "test",
            "-p",
            "haversack-tests",
            "--test",
            "e2e",
            "forensic::timing",
            "--",
            "--nocapture",
        ],
        variable: ("HAVERSACK_TIMING_RUNS", "1000"),
    },
    Soak {
        name: "routes",
        about: "1,000 series of acts over relays, meetings, files, packs and carriers, and as many without a relay",
        command: &["test", "-p", "haversack-tests", "--test", "e2e", "convergence::"],
        variable: ("HAVERSACK_ROUTES", "1000"),
    },
    Soak {
        name: "cuts",
        about: "an exchange of 200 KB, cut at every byte in both directions; quicker with TMPDIR in memory",
        command: &["test", "-p", "haversack-tests", "--test", "e2e", "cuts::", "--", "--nocapture"],
        variable: ("HAVERSACK_CUTS", "1"),
    },
    Soak {
        name: "sim",
        about: "fleets under 200,000 seeds, in an optimised build",
        command: &["run", "--release", "-p", "haversack-sim", "--", "--runs", "200000"],
        variable: ("RUST_BACKTRACE", "0"),
    },
    Soak {
        name: "packs",
        about: "fleets that make packs under 40,000 seeds, in an optimised build",
        command: &["run", "--release", "-p", "haversack-sim", "--", "--packs", "--runs", "40000"],
        variable: ("RUST_BACKTRACE", "0"),
    },
    Soak {
        name: "meetings",
        about: "fleets that meet without a relay too, with carriers and erasures, under 40,000 seeds, in an optimised build",
        command: &[
            "run",
            "--release",
            "-p",
            "haversack-sim",
            "--",
            "--meetings",
            "--runs",
            "40000",
        ],
        variable: ("RUST_BACKTRACE", "0"),
    },
];

/// Runs the soaks named in `args`, or all; `--list` lists them.
///
/// # Errors
/// At the first that fails, and for a name that none has.
pub(crate) fn run(places: &Places, args: &[&str]) -> Result<(), Failure> {
    if args == ["--list"] {
        SOAKS.iter().for_each(|soak| println!("{:9} {}", soak.name, soak.about));
        return Ok(());
    }
    if let Some(name) = args.iter().find(|name| SOAKS.iter().all(|soak| soak.name != **name)) {
        return Err(Failure::Failed(format!("no soak is called {name}; see --list")));
    }
    let wanted = |soak: &&Soak| args.is_empty() || args.contains(&soak.name);
    SOAKS.iter().filter(wanted).try_for_each(|soak| {
        let (variable, value) = soak.variable;
        shell::run(places.cargo().args(soak.command).env(variable, value))
    })
}
