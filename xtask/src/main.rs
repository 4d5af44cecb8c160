//! Chores of the workspace, one file a command: `cargo xtask COMMAND`.

mod artifacts;
mod bench;
mod bindings;
mod install;
mod places;
mod shell;
mod soak;
mod test;

use std::process::ExitCode;

use places::Places;
use shell::Failure;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

Commands:
  test [SUITE...]  runs the suites in order and stops at the first that fails; with names, only those
  test --list      lists the suites
  soak [NAME...]   runs what takes too long for every change; with names, only those
  soak --list      lists the soaks
  bench [ROW...] [--json]
                   what syncing costs, how long locking and wiping take, what clean memory costs, beside references
  bench network [--profile 2g|edge|slow3g|all] [--json]
                   what syncing takes over bad networks; needs root
  bindings         generates the Kotlin, Swift and Python bindings into build/bindings";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[&str]) -> Result<(), Failure> {
    match args {
        ["test", rest @ ..] => test::run(&Places::find()?, rest),
        ["soak", rest @ ..] => soak::run(&Places::find()?, rest),
        ["bench", rest @ ..] => bench::run(&Places::find()?, rest),
        ["bindings"] => bindings::run(&Places::find()?),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure::Failed(format!("unknown command\n{USAGE}"))),
    }
}
