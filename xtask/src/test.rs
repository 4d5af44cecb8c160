//! `cargo xtask test`: every suite there is, in order.

mod decoder;
mod demo;
mod jvm;
mod kotlin;
mod python;
mod rust;
mod swift;
mod team;

use std::time::Instant;

use crate::places::Places;
use crate::shell::Failure;

/// A named set of tests.
struct Suite {
    name: &'static str,
    about: &'static str,
    run: fn(&Places) -> Result<(), Failure>,
}

const SUITES: [Suite; 11] = [
    Suite { name: "fmt", about: "every file is formatted", run: rust::fmt },
    Suite { name: "clippy", about: "no lint fires, in any target", run: rust::clippy },
    Suite { name: "test", about: "unit tests, suites of tests/ and doc tests", run: rust::test },
    Suite {
        name: "histories",
        about: "100,000 random histories of teams, and 1,000 with real keys",
        run: rust::histories,
    },
    Suite { name: "sim", about: "fleets under 5,000 seeds break no promise", run: rust::sim },
    Suite {
        name: "decoder",
        about: "a decoder written from the page opens and refuses all vectors",
        run: decoder::run,
    },
    Suite {
        name: "demo",
        about: "`haversack demo` meets its fixture under 20 seeds",
        run: demo::run,
    },
    Suite {
        name: "kotlin",
        about: "the Kotlin bindings compile and run on a JVM",
        run: kotlin::run,
    },
    Suite { name: "python", about: "the Python bindings run", run: python::run },
    Suite {
        name: "swift",
        about: "the Swift bindings parse, their C interface runs",
        run: swift::run,
    },
    Suite {
        name: "team",
        about: "Kotlin phones and a Python coordinator merge through a relay",
        run: team::run,
    },
];

/// How a suite ended, if not with a failure.
enum Outcome {
    Passed,
    Skipped,
}

/// Runs the suites named in `args`, or all.
///
/// # Errors
/// At the first suite that fails, and for a name that no suite has.
pub(crate) fn run(places: &Places, args: &[&str]) -> Result<(), Failure> {
    if args == ["--list"] {
        for suite in &SUITES {
            println!("{:9} {}", suite.name, suite.about);
        }
        return Ok(());
    }
    run_all(places, &chosen(args)?)
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Suite>, Failure> {
    let unknown = names.iter().find(|name| SUITES.iter().all(|suite| suite.name != **name));
    if let Some(name) = unknown {
        return Err(Failure::Failed(format!("no suite is called {name}; see --list")));
    }
    let wanted = |suite: &&Suite| names.is_empty() || names.contains(&suite.name);
    Ok(SUITES.iter().filter(wanted).collect())
}

fn run_all(places: &Places, suites: &[&Suite]) -> Result<(), Failure> {
    let start = Instant::now();
    let (mut passed, mut skipped) = (0_u32, 0_u32);
    for suite in suites {
        match run_one(places, suite) {
            Ok(Outcome::Passed) => passed += 1,
            Ok(Outcome::Skipped) => skipped += 1,
            Err(failure) => {
                println!("suites: {passed} passed, 1 failed, {skipped} skipped");
                return Err(failure);
            }
        }
    }
    println!("== all: {:.1} s", start.elapsed().as_secs_f64());
    println!("suites: {passed} passed, 0 failed, {skipped} skipped");
    Ok(())
}

fn run_one(places: &Places, suite: &Suite) -> Result<Outcome, Failure> {
    println!("== {}: {}", suite.name, suite.about);
    let start = Instant::now();
    let result = (suite.run)(places);
    let seconds = start.elapsed().as_secs_f64();
    match result {
        Ok(()) => {
            println!("== {}: passed in {seconds:.1} s", suite.name);
            Ok(Outcome::Passed)
        }
        Err(Failure::Missing(reason)) if !in_ci() => {
            println!("== {}: skipped after {seconds:.1} s: {reason}", suite.name);
            Ok(Outcome::Skipped)
        }
        Err(failure) => {
            println!("== {}: failed after {seconds:.1} s", suite.name);
            Err(Failure::Failed(format!("{}: {failure}", suite.name)))
        }
    }
}

/// In CI nothing is skipped: a tool that is missing there would hide a suite for good.
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::{SUITES, chosen};

    #[test]
    fn suites_are_chosen_by_name_and_kept_in_order() {
        let names: Vec<_> = chosen(&["swift", "fmt"]).unwrap().iter().map(|s| s.name).collect();
        assert_eq!(names, ["fmt", "swift"]);
        assert_eq!(chosen(&[]).unwrap().len(), SUITES.len());
        assert!(chosen(&["fmt", "flt"]).is_err());
    }
}
