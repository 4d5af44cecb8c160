//! `haversack demo` under many seeds: whatever the order of arrival, the indicators are those of the fixture.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::places::Places;
use crate::shell::{self, Failure};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;
const FIXTURE: &str = "fixtures/kunming.json";

/// What the demo must report at least; what it reports beyond is compared too.
const REQUIRED: [&str; 19] = [
    "days",
    "contacts",
    "contacts_coded",
    "contacts_anonymous",
    "reach_coded",
    "clients_registered",
    "sets_distributed",
    "sets_to_coded",
    "returned",
    "return_pct",
    "prv8_num",
    "prv8_den",
    "prv8_pct",
    "prv10_coded_sets_per_coded_recipient_year",
    "prv9a_each_30d_block",
    "prv9b_monthly_average",
    "blocks",
    "clients_need_met",
    "same_day_two_educators",
];

/// Runs the demo under every seed and compares its indicators with the fixture's.
pub(super) fn run(places: &Places) -> Result<(), Failure> {
    let binary = build(places)?;
    let fixture = std::fs::read_to_string(places.root().join(FIXTURE)).map_err(Failure::failed)?;
    let expect = object(&fixture, "expect")?;
    for seed in SEEDS {
        let indicators = demo(places, &binary, seed)?;
        compare(&indicators, &expect)
            .map_err(|text| Failure::Failed(format!("seed {seed}: {text}")))?;
    }
    println!("{} seeds, {} indicators each", SEEDS.count(), REQUIRED.len());
    Ok(())
}

fn build(places: &Places) -> Result<PathBuf, Failure> {
    shell::run(places.cargo().args(["build", "--release"]))?;
    let name = format!("haversack{}", std::env::consts::EXE_SUFFIX);
    Ok(places.target().join("release").join(name))
}

fn demo(places: &Places, binary: &Path, seed: u64) -> Result<Map<String, Value>, Failure> {
    let mut command = places.command(binary);
    command.args(["demo", "--json", "--seed", &seed.to_string()]);
    object(&shell::capture(&mut command)?, "indicators")
}

fn object(json: &str, key: &str) -> Result<Map<String, Value>, Failure> {
    let whole: Value = serde_json::from_str(json).map_err(Failure::failed)?;
    let part = whole.get(key).and_then(Value::as_object);
    part.cloned().ok_or_else(|| Failure::Failed(format!("no object called {key}")))
}

fn compare(indicators: &Map<String, Value>, expect: &Map<String, Value>) -> Result<(), String> {
    if let Some(key) = REQUIRED.iter().find(|key| !indicators.contains_key(**key)) {
        return Err(format!("{key} is not reported"));
    }
    let wrong = indicators.iter().find(|(key, value)| expect.get(*key) != Some(*value));
    wrong.map_or(Ok(()), |(key, value)| {
        let expected = expect.get(key).map_or("nothing".to_owned(), Value::to_string);
        Err(format!("{key} is {value}, expected {expected}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::{REQUIRED, compare};

    fn all(value: i64) -> Map<String, Value> {
        REQUIRED.iter().map(|key| ((*key).to_owned(), value.into())).collect()
    }

    #[test]
    fn every_reported_indicator_must_be_the_expected_one() {
        let mut expect = all(7);
        expect.insert("not_reported".to_owned(), 1.into());
        assert_eq!(compare(&all(7), &expect), Ok(()));
        assert!(compare(&all(8), &expect).is_err());

        let mut indicators = all(7);
        indicators.insert("blocks".to_owned(), "7".into());
        assert_eq!(compare(&indicators, &expect).unwrap_err(), "blocks is \"7\", expected 7");
    }

    #[test]
    fn a_missing_indicator_and_an_unknown_one_are_failures() {
        let mut indicators = all(7);
        indicators.insert("unheard_of".to_owned(), 7.into());
        assert!(compare(&indicators, &all(7)).is_err());
        indicators.remove("unheard_of");
        indicators.remove("returned");
        assert_eq!(compare(&indicators, &all(7)).unwrap_err(), "returned is not reported");
    }
}
