//! This crate's errors in the vectors' words: a reader of another program has none of the names in them.

use haversack_wire::Error as Wire;

use crate::Error;
use crate::docs::rebuild::Refusal;

pub(super) fn wire(error: &Wire) -> String {
    match error {
        Wire::Short { .. } => "ends too early".to_owned(),
        Wire::Trailing { extra, .. } => format!("{extra} bytes too many"),
        Wire::Limit { .. } => "over a maximum".to_owned(),
        Wire::Malformed { what: "envelope", rule: "length is wrong" } => {
            "length is wrong inside".to_owned()
        }
        Wire::Malformed { what: "mailbox", rule } => format!("mailbox {rule}"),
        Wire::Malformed { rule, .. } => (*rule).to_owned(),
        Wire::Unknown { what: what @ ("word" | "dictionary"), .. } => format!("waits for a {what}"),
        Wire::Unknown { what, .. } => format!("{what} is unknown"),
        other => other.to_string(),
    }
}

pub(super) fn of(error: &Error) -> String {
    let text = match error {
        Error::Wire(error) => return wire(&error.0),
        Error::WrongPassphrase => "the passphrase opens no slot",
        Error::Wiped => "it is wiped",
        Error::Damaged { why: "its checksum is wrong", .. } => "checksum is wrong",
        Error::Damaged { why, .. } => why,
        Error::Invalid { field: "key stretching cost", .. } => "parameters are out of bounds",
        Error::Invalid { field: "passphrase of the bundle", .. } => {
            "the passphrase does not open it"
        }
        Error::Foreign { what: "request" } => "shows no key of this space",
        Error::Newer { what: "header", .. } => "header is of a newer version",
        Error::Newer { .. } => "version is unknown",
        Error::Enrolment { why, .. } => enrolment(why),
        Error::PartsMissing { missing, .. } => {
            let missing: Vec<String> = missing.iter().map(u8::to_string).collect();
            return format!("these are missing: {}", missing.join(", "));
        }
        Error::PartSlip { number, .. } => return format!("part {number} has a slip in it"),
        other => return other.to_string(),
    };
    text.to_owned()
}

fn enrolment(why: &'static str) -> &'static str {
    match why {
        "has a slip in it: copy it again" => "has a slip in it",
        "is for another request, or was changed on the way" => "does not open",
        "is not one: it should begin with its mark" => "the mark is another's",
        other => other,
    }
}

pub(super) fn refusal(refusal: Refusal) -> String {
    match refusal {
        Refusal::Missing => "waits for something that is not here".to_owned(),
        Refusal::Broken(rule) => rule.to_owned(),
    }
}
