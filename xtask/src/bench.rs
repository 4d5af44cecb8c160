//! `cargo xtask bench`: how long locking and wiping take, and what overwriting freed memory costs. Every figure stands beside
//! a reference of the same run: a time alone says more about the machine.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::places::Places;
use crate::shell::{self, Failure};

/// How often the work is done each way, in turns.
const ROUNDS: usize = 3;

/// Runs the benches and prints a table, or a line of JSON for each figure.
///
/// # Errors
/// When a bench fails, and when a figure is over its limit.
pub(crate) fn run(places: &Places, args: &[&str]) -> Result<(), Failure> {
    let as_json = match args {
        [] => false,
        ["--json"] => true,
        _ => return Err(Failure::Failed("bench takes --json and nothing else".to_owned())),
    };
    let mut figures = bench(places, "locking")?;
    figures.extend(costs(places)?);
    figures.iter().for_each(|figure| match as_json {
        true => println!("{figure}"),
        false => println!("{}", line(figure)),
    });
    match figures.iter().find(|figure| number(figure, "median_ms") > number(figure, "limit_ms")) {
        Some(slow) => Err(Failure::Failed(format!("{} is over its limit", text(slow, "name")))),
        None => Ok(()),
    }
}

/// The figures that a bench prints.
fn bench(places: &Places, name: &str) -> Result<Vec<Value>, Failure> {
    let mut command = places.cargo();
    let text = shell::capture(command.args(["bench", "-p", "haversack-tests", "--bench", name]))?;
    let figures = text.lines().filter(|line| line.starts_with('{'));
    figures.map(|line| serde_json::from_str(line).map_err(Failure::failed)).collect()
}

/// What each part of the work takes with overwriting, beside what it takes without.
fn costs(places: &Places) -> Result<Vec<Value>, Failure> {
    let mut times: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (column, name) in ["work", "work_plain"].into_iter().enumerate() {
            for figure in bench(places, name)? {
                let part = text(&figure, "work").to_owned();
                let columns = times.entry(part).or_default();
                columns
                    .iter_mut()
                    .skip(column)
                    .take(1)
                    .for_each(|of| of.push(number(&figure, "ms")));
            }
        }
    }
    let cost = |(part, [clean, plain]): (String, [Vec<f64>; 2])| {
        let (clean, plain) = (median(clean), median(plain));
        json!({
            "name": format!("{part}, 5,000 contacts"), "runs": ROUNDS, "median_ms": clean, "reference_ms": plain,
            "reference": "without overwriting what Rust frees", "ratio": clean / plain,
        })
    };
    Ok(times.into_iter().map(cost).collect())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A number of a figure; more than any other where there is none, so that a missing limit limits nothing.
fn number(figure: &Value, name: &str) -> f64 {
    figure.get(name).and_then(Value::as_f64).unwrap_or(f64::INFINITY)
}

fn text<'a>(figure: &'a Value, name: &str) -> &'a str {
    figure.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn line(figure: &Value) -> String {
    let (ms, reference, ratio) =
        (number(figure, "median_ms"), number(figure, "reference_ms"), number(figure, "ratio"));
    let (name, of) = (text(figure, "name"), text(figure, "reference"));
    format!("{name:22} {ms:9.1} ms {ratio:7.2} × {reference:8.2} ms, {of}")
}

#[test]
fn a_line_shows_the_figure_and_its_reference() {
    let figure = json!({
        "name": "lock", "median_ms": 7.36, "reference_ms": 3.68, "ratio": 2.0, "reference": "something else",
    });
    let expect = "lock                         7.4 ms    2.00 ×     3.68 ms, something else";
    assert_eq!((line(&figure).as_str(), median(vec![3.0, 1.0, 2.0])), (expect, 2.0));
    assert!(number(&figure, "median_ms") < number(&figure, "limit_ms"));
}
