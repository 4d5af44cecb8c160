//! What overwriting freed memory costs: the same work with it and without, in turns.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{bench, table};
use crate::places::Places;
use crate::shell::Failure;

/// How often the work is done each way.
const ROUNDS: usize = 3;

/// What each part of the work takes with overwriting, beside what it takes without.
pub(super) fn costs(places: &Places) -> Result<Vec<Value>, Failure> {
    let mut times: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (column, name) in ["work", "work_plain"].into_iter().enumerate() {
            for figure in bench(places, name, &[])? {
                let part = table::text(&figure, "work").to_owned();
                let columns = times.entry(part).or_default();
                let ms = figure.get("ms").and_then(Value::as_f64).unwrap_or(f64::NAN);
                columns.iter_mut().skip(column).take(1).for_each(|of| of.push(ms));
            }
        }
    }
    let cost = |(part, [clean, plain]): (String, [Vec<f64>; 2])| {
        let (clean, plain) = (median(clean), median(plain));
        json!({
            "row": "memory", "name": format!("{part}, 5,000 contacts"), "runs": ROUNDS, "value": clean, "unit": "ms",
            "reference": "without overwriting what Rust frees", "reference_value": plain, "ratio": clean / plain,
        })
    };
    Ok(times.into_iter().map(cost).collect())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

#[test]
fn the_median_is_the_middle_one() {
    assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
}
