//! The simulator's command.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;
use haversack_sim::{BUGS, Finding, History, Setup, run_many, run_seed, shrink};
use serde_json::json;

const EXAMPLES: &str = "\
A run is a team of devices, two relays and some files, to which things happen: contacts are logged, exchanges break off, \
processes die, power is cut, disks fail, stores are copied and put back, relays forget, fork and lie, devices are removed. Then \
nothing goes wrong any more, everybody meets, and the checkers look at what is left.

Examples:
  haversack-sim --seed 7                       one run; prints what was found, if anything
  haversack-sim --seed 7 --trace               and everything that happened
  haversack-sim --runs 5000                    seeds 0 to 4999; a failing one is made smaller and printed
  haversack-sim --meetings --runs 1000         and with meetings without a relay, carriers, erasures
  haversack-sim --runs 2000 --bug skip-fsync   with a fault seeded: says which seed and checker find it
  haversack-sim --seed 7 --twice               the same run twice, and with other clocks: the hashes must be equal
  haversack-sim --faults --runs 2000           each fault in turn: which seed and checker find it
  haversack-sim --list                         the checkers, and the faults that can be seeded

Exit status: 0 when nothing was found, 1 when something was, 2 for a mistake on the command line.";

/// Whole fleets of devices, relays and files under a seed
#[derive(Debug, Parser)]
#[command(name = "haversack-sim", max_term_width = 100, after_help = EXAMPLES)]
struct Options {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds, counted from the first
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Steps of a run
    #[arg(long, default_value_t = 60)]
    steps: usize,
    /// Devices of the team when it begins; two of them are coordinators
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=6))]
    devices: u8,
    /// Run every seed twice, and once with other clocks, and compare
    #[arg(long)]
    twice: bool,
    /// Have coordinators make packs, which relays drop chunks for
    #[arg(long)]
    packs: bool,
    /// Have devices meet without a relay, carriers join files, and clients be erased
    #[arg(long)]
    meetings: bool,
    /// Seed a fault: see --list
    #[arg(long, value_parser = bug_names())]
    bug: Option<String>,
    /// Seed each fault in turn, over --runs seeds at most, and say which seed and checker find it
    #[arg(long)]
    faults: bool,
    /// Run what a file says instead: a history as it is printed when one fails
    #[arg(long, value_name = "FILE")]
    history: Option<std::path::PathBuf>,
    /// Print everything that happened
    #[arg(long)]
    trace: bool,
    /// Print one object of JSON
    #[arg(long)]
    json: bool,
    /// Do not make failing runs smaller
    #[arg(long)]
    no_shrink: bool,
    /// List the checkers and the faults that can be seeded
    #[arg(long)]
    list: bool,
}

fn bug_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(BUGS.map(|bug| bug.name))
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        list();
        return ExitCode::SUCCESS;
    }
    let bug = BUGS.iter().find(|bug| Some(bug.name) == options.bug.as_deref());
    let setup = Setup {
        steps: options.steps,
        devices: options.devices.into(),
        bug: bug.map(|bug| bug.bug),
        packs: options.packs,
        meetings: options.meetings,
        twice_every: if options.twice { 1 } else { 50 },
    };
    if options.faults {
        return hunt_all(&options, &setup);
    }
    if let Some(file) = &options.history {
        return replay(&options, &setup, file);
    }
    match options.runs {
        1 => run_one(&options, &setup),
        _ => run_all(&options, &setup),
    }
}

/// Writes a line, for a person or a program; who reads no further wants no more of it.
fn say(line: impl std::fmt::Display) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(141);
    }
}

fn list() {
    say("checkers:");
    haversack_sim::Checker::ALL.iter().for_each(|checker| say(format!("  {}", checker.name())));
    say("faults, and what finds them:");
    for bug in BUGS {
        let seed = bug.seed.map_or("none known".into(), |seed| format!("seed {seed}"));
        say(format!("  {:24} {}, {seed}", bug.name, bug.checker.name()));
    }
}

/// Plays the history of a file.
fn replay(options: &Options, setup: &Setup, file: &std::path::Path) -> ExitCode {
    let read = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let history = read.and_then(|text| History::read(&text));
    let history = match history {
        Ok(history) => history,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::from(2);
        }
    };
    let outcome = history.play(setup.bug);
    if options.trace {
        outcome.trace.iter().for_each(say);
    }
    outcome.finding.iter().for_each(|found| eprintln!("{found}"));
    if outcome.finding.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Looks for every fault that can be seeded. Each must be found, under a seed that is sound without it.
fn hunt_all(options: &Options, setup: &Setup) -> ExitCode {
    let mut all = true;
    for row in BUGS {
        let found = hunt(options, &Setup { bug: Some(row.bug), ..*setup });
        let is_sound = |seed| run_seed(seed, setup).finding.is_none();
        let (good, told) = match found {
            Some((seed, found)) if is_sound(seed) => (true, format!("seed {seed}: {found}")),
            Some((seed, _)) => (false, format!("seed {seed} is not sound without it either")),
            None => (false, "not found".into()),
        };
        say(format!("{:24} {told}", row.name));
        all &= good;
    }
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The lowest seed at which something is found, as far as it was looked.
fn hunt(options: &Options, setup: &Setup) -> Option<(u64, Finding)> {
    let found = Mutex::new(Vec::new());
    let seeds = options.seed..options.seed.saturating_add(options.runs);
    run_many(seeds, setup, &|seed, outcome| match (outcome.finding, found.lock()) {
        (Some(finding), Ok(mut found)) => {
            found.push((seed, finding));
            false
        }
        _ => true,
    });
    found.into_inner().ok()?.into_iter().min_by_key(|(seed, _)| *seed)
}

fn run_one(options: &Options, setup: &Setup) -> ExitCode {
    let outcome = run_seed(options.seed, setup);
    if options.trace {
        outcome.trace.iter().for_each(say);
    }
    let found = outcome.finding.as_ref();
    match options.json {
        true => say(json!({
            "seed": options.seed,
            "steps": setup.steps,
            "hash": outcome.hash,
            "checker": found.map(|found| found.checker.name()),
            "found": found.map(|found| &found.what),
        })),
        false => say(format!("seed {}: {}", options.seed, outcome.hash)),
    }
    match found {
        Some(found) => {
            tell(options, setup, options.seed, found);
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

/// Says what was found, and the smallest run in which it is.
fn tell(options: &Options, setup: &Setup, seed: u64, found: &Finding) {
    eprintln!("seed {seed}: {found}");
    if options.no_shrink {
        return;
    }
    let (acts, outcome) = shrink(seed, setup, found.checker);
    let history = History { about: found.to_string(), seed, devices: setup.devices, acts };
    eprintln!("in {} acts, as a history to be kept:\n{}", history.acts.len(), history.write());
    outcome.trace.iter().for_each(|line| eprintln!("  | {line}"));
    outcome.finding.iter().for_each(|found| eprintln!("{found}"));
}

/// How far it has come, on a terminal. Whoever breaks a long hunt off goes on at the seed that it shows: seeds are taken in order.
fn bar(options: &Options) -> indicatif::ProgressBar {
    const FORM: &str = "seed {msg} + {pos} of {len} {wide_bar} {per_sec}, {eta} left";
    let form = indicatif::ProgressStyle::with_template(FORM);
    let bar = indicatif::ProgressBar::new(options.runs).with_message(options.seed.to_string());
    bar.with_style(form.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
}

fn run_all(options: &Options, setup: &Setup) -> ExitCode {
    let start = std::time::Instant::now();
    let (bar, failed) = (bar(options), Mutex::new(Vec::new()));
    let seeds = options.seed..options.seed.saturating_add(options.runs);
    run_many(seeds, setup, &|seed, outcome| {
        bar.inc(1);
        let Some(found) = outcome.finding else { return true };
        bar.suspend(|| eprintln!("seed {seed}: {found}"));
        if let Ok(mut failed) = failed.lock() {
            failed.push((seed, found));
        }
        setup.bug.is_none()
    });
    bar.finish_and_clear();
    let (done, seconds) = (bar.position(), start.elapsed().as_secs_f64());
    let mut failed = failed.into_inner().unwrap_or_default();
    failed.sort_by_key(|(seed, _)| *seed);
    match options.json {
        true => say(json!({
            "seeds": done,
            "steps": setup.steps,
            "devices": setup.devices,
            "seconds": seconds,
            "failed": failed.iter().map(|(seed, found)| json!({
                "seed": seed, "checker": found.checker.name(), "found": found.what,
            })).collect::<Vec<_>>(),
        })),
        false => {
            let steps = setup.steps;
            let failed = failed.len();
            say(format!("{done} seeds of {steps} steps in {seconds:.1} s, {failed} failed"));
        }
    }
    match failed.first() {
        Some((seed, found)) => {
            tell(options, setup, *seed, found);
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
