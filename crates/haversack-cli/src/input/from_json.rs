//! Contacts from a JSON array: an object for each contact, with the names that columns have in CSV. Items may also
//! stand in objects, `"out": {"swab": 20}`, and services in an array.

use serde_json::{Map, Value};

use super::draft::Column;
use super::{Cell, Row};
use crate::error::Error;
use crate::output::plain;

/// Reads the rows of an array.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::rule("this is not JSON").at(place)
    })?;
    let Value::Array(entries) = value else {
        return Err(Error::rule("the file must be an array of objects"));
    };
    entries.iter().enumerate().map(|(index, entry)| row(index + 1, entry)).collect()
}

fn row(number: usize, entry: &Value) -> Result<Row, Error> {
    let place = format!("entry {number}");
    let Value::Object(fields) = entry else {
        return Err(Error::rule("must be an object").at(place));
    };
    let mut cells = Vec::new();
    for (name, value) in flat(fields) {
        let place = format!("{place}, column {}", plain(&name));
        let text = text(value).map_err(|error| error.at(&place))?;
        if let Some(text) = text {
            let column = Column::named(&name).map_err(|error| error.at(&place))?;
            cells.push(Cell { place, column, text });
        }
    }
    Ok(Row { place, cells })
}

/// The fields, with those of an inner object under `outer.inner`.
fn flat(fields: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Object(inner) => {
                found.extend(inner.iter().map(|(item, value)| (format!("{name}.{item}"), value)));
            }
            _ => found.push((name.clone(), value)),
        }
    }
    found
}

fn text(value: &Value) -> Result<Option<String>, Error> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Array(codes) if codes.iter().all(Value::is_string) => {
            let codes: Vec<&str> = codes.iter().filter_map(Value::as_str).collect();
            Ok(Some(codes.join(";")))
        }
        _ => Err(Error::rule("must be a text or a number")),
    }
}
