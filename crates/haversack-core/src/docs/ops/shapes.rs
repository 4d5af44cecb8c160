//! Shapes (PROTOCOL § 5): what an operation does and where follows nearly always from its key, and is said only where it does not.

use std::collections::BTreeMap;

use haversack_wire::codec::put_varint;
use haversack_wire::{Error, Reader};

use super::{
    ACTION_MAKE_MAP, ACTION_PUT, KEY_DECIMAL, KEY_WORDS, OBJECT_ROOT, OBJECT_SAME, VALUE_NONE,
    VALUE_TRUE, VALUE_UINT,
};
use crate::docs::words;

pub(crate) type Shape = [u8; 2];

/// What operations with a key were last, and how many have been as expected since one was not.
#[derive(Default)]
pub(crate) struct Shapes {
    last: BTreeMap<u64, Shape>,
    run: u64,
    /// Of a reader: how many are still as expected before the next that is not.
    left: Option<u64>,
}

impl Shapes {
    fn usual(&self, key: u64) -> Option<Shape> {
        self.last.get(&key).copied().or_else(|| first(key))
    }

    pub(crate) fn write(&mut self, out: &mut Vec<u8>, key: u64, shape: Shape) {
        match self.usual(key) == Some(shape) {
            true => self.run += 1,
            false => {
                put_varint(out, std::mem::take(&mut self.run));
                out.extend(shape);
            }
        }
        self.last.insert(key, shape);
    }

    pub(super) fn read(&mut self, column: &mut Reader<'_>, key: u64) -> Result<Shape, Error> {
        if self.left.is_none() && !column.is_empty() {
            self.left = Some(column.varint()?);
        }
        let usual = self.usual(key);
        let shape = match self.left {
            Some(0) => {
                self.left = None;
                Some(column.array()?).filter(|shape| Some(*shape) != usual)
            }
            left => {
                self.left = left.map(|left| left - 1);
                usual
            }
        };
        let shape = shape.ok_or(column.malformed("a shape is not given, or needlessly"))?;
        self.last.insert(key, shape);
        Ok(shape)
    }

    /// Whether everything that was said was used.
    pub(super) fn is_used_up(&self) -> bool {
        self.left.is_none()
    }
}

/// The shape of the first operation with a key.
fn first(key: u64) -> Option<Shape> {
    let put = |value: u8| [ACTION_PUT | OBJECT_SAME << 4, value];
    match key {
        KEY_DECIMAL => Some([ACTION_MAKE_MAP | OBJECT_ROOT << 4, VALUE_NONE]),
        _ if is_line(key) => Some(put(VALUE_UINT)),
        _ if word(key).is_some_and(|word| word.starts_with("v.")) => Some(put(VALUE_TRUE)),
        _ => None,
    }
}

fn word(key: u64) -> Option<&'static str> {
    key.checked_sub(KEY_WORDS).and_then(words::word)
}

/// Whether a key is that of a line: its counts have a column of their own, since they are like each other.
pub(super) fn is_line(key: u64) -> bool {
    word(key).is_some_and(|word| ["o.", "f.", "i."].iter().any(|start| word.starts_with(start)))
}
