//! A roster as a store keeps it: each statement after its parents, with whom it is by and whom it is about. Both follow
//! from its past and never change: so nothing is judged again when the store is opened, but what stands in the end.

use std::sync::Arc;

use haversack_wire::codec::{put_blob, put_varint};
use haversack_wire::{Device, Error, Reader};

use super::{Lines, Roster};
use crate::crypto::Suite;
use crate::members::epoch::STATEMENT_BYTES_MAX;
use crate::members::statement::{Statement, hash};

impl Roster {
    /// Writes what belongs.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.graph.statements.len() as u64);
        for (statement, lines) in self.graph.statements.iter().zip(&self.graph.lines) {
            put_blob(out, &statement.bytes);
            for line in [&lines.signer, &lines.named] {
                out.push(line.is_some().into());
                line.iter().for_each(|line| out.extend_from_slice(line.as_bytes()));
            }
        }
    }

    /// Reads what a store has kept.
    ///
    /// # Errors
    /// When it is not what was written.
    pub(crate) fn decode<S: Suite>(root: [u8; 32], r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut roster = Self::new(root);
        for _ in 0..r.listed()? {
            let bytes = r.blob(STATEMENT_BYTES_MAX)?;
            let statement = Statement::decode::<S>(&roster.space, bytes)?;
            let lines = Lines { signer: read_line(r)?, named: read_line(r)? };
            let past = roster.graph.past_of(&statement.parents);
            let past = past.ok_or(r.malformed("a statement comes before its parents"))?;
            let hash = hash(bytes);
            roster.heads.retain(|head| !statement.parents.contains(head));
            roster.heads.insert(hash);
            Arc::make_mut(&mut roster.graph).push(hash, Arc::new(statement), past, lines);
        }
        roster.standing = roster.stood(&roster.heads()).unwrap_or_default();
        Ok(roster)
    }
}

fn read_line(r: &mut Reader<'_>) -> Result<Option<Device>, Error> {
    match r.u8()? {
        0 => Ok(None),
        _ => Ok(Some(Device::new(r.array()?))),
    }
}
