//! `haversack quarantine`: what was refused, and by whom it is.

pub(crate) mod list;

use std::collections::BTreeMap;

use haversack::model::Label;
use haversack::{Device, EngineError, Error as NotebookError, Notebook, Quarantined, Reason};
use serde::Serialize;

use super::device::short;
use crate::error::Error;
use crate::output::{Table, hex};

/// Shows what was refused
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    List(list::Args),
}

/// Something that was refused, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct RefusedShown {
    device: Option<String>,
    name: Option<String>,
    sequence: Option<u32>,
    reason: &'static str,
    #[serde(skip)]
    who: String,
    #[serde(skip)]
    why: Reason,
}

/// The names that devices have here.
pub(crate) fn names(notebook: &Notebook) -> Result<BTreeMap<Device, Label>, Error> {
    let devices = match notebook.devices() {
        Err(NotebookError::Engine(EngineError::NoSpace)) => Vec::new(),
        devices => devices?,
    };
    Ok(devices.into_iter().filter_map(|row| Some((row.device, row.name?))).collect())
}

/// What was refused here, with the names that devices have here.
pub(crate) fn refused(notebook: &Notebook) -> Result<Vec<RefusedShown>, Error> {
    let names = names(notebook)?;
    Ok(notebook.quarantined()?.iter().map(|one| RefusedShown::new(one, &names)).collect())
}

impl RefusedShown {
    fn new(refused: &Quarantined, names: &BTreeMap<Device, Label>) -> Self {
        let name = refused.device.and_then(|device| names.get(&device)).map(ToString::to_string);
        Self {
            device: refused.device.map(|device| hex(device.to_bytes())),
            sequence: refused.sequence,
            reason: refused.reason.code(),
            who: name.clone().or(refused.device.map(short)).unwrap_or("nobody knows".to_owned()),
            name,
            why: refused.reason,
        }
    }
}

/// How many of whom were refused for which reason.
pub(crate) fn summed(all: &[RefusedShown]) -> Table {
    let mut counts: BTreeMap<(&str, Reason), u64> = BTreeMap::new();
    for one in all {
        *counts.entry((&one.who, one.why)).or_default() += 1;
    }
    let mut table = Table::under(["refused, by device", "", "why"]);
    for ((who, why), count) in counts {
        table.row([who.to_owned(), count.to_string(), why.to_string()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_summed_by_whose_they_are() {
        let (phone, other) = (Device::new([0x3f; 16]), Device::new([0x4a; 16]));
        let names = BTreeMap::from([(phone, Label::new("van-phone").unwrap())]);
        let all: Vec<RefusedShown> = [
            (Some(phone), Some(7), Reason::Role),
            (Some(phone), Some(8), Reason::Role),
            (Some(phone), Some(9), Reason::Continued),
            (Some(other), Some(0), Reason::Signature),
            (None, None, Reason::Form),
        ]
        .map(|(device, sequence, reason)| Quarantined { device, sequence, reason })
        .iter()
        .map(|refused| RefusedShown::new(refused, &names))
        .collect();
        let mut out = Vec::new();
        summed(&all).write(&mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        refused, by device     why
        4a4a4a4a            1  the device whose lane it is on did not sign it
        nobody knows        1  its form is none that there is
        van-phone           2  its author's role does not let it write this
        van-phone           1  it goes on with what was refused before
        ");
        let json = serde_json::to_value(&all[0]).unwrap();
        let expected = serde_json::json!({
            "device": "3f".repeat(16), "name": "van-phone", "sequence": 7, "reason": "role"
        });
        assert_eq!(json, expected);
    }
}
