//! Dropping what a retire names, inside a transaction.

use haversack_wire::{FrameHash, LaneTag, Mailbox, Retire};
use rusqlite::{Connection, OptionalExtension, Result, params};

/// Drops parts of packs at once, and the chunks that the retire before named.
pub(super) fn retire(tx: &Connection, mailbox: Mailbox, retire: &Retire) -> Result<()> {
    const FIND: &str = "SELECT id FROM mailbox WHERE name = ?1";
    let found = tx.query_row(FIND, [mailbox.as_bytes()], |row| row.get(0)).optional()?;
    let Some(id) = found else { return Ok(()) };
    drop_packs(tx, id, &retire.frames)?;
    match retire.lanes.is_empty() || pending(tx, id)? == retire.lanes {
        true => Ok(()),
        false => drop_chunks(tx, id).and_then(|()| remember(tx, id, &retire.lanes)),
    }
}

fn drop_packs(tx: &Connection, mailbox: i64, frames: &[FrameHash]) -> Result<()> {
    const DROP: &str = "UPDATE frame SET bytes = zeroblob(2), dropped = 1
        WHERE mailbox = ?1 AND hash = ?2 AND lane IS NULL AND pack";
    let mut drop = tx.prepare_cached(DROP)?;
    frames.iter().try_for_each(|hash| drop.execute(params![mailbox, hash.as_bytes()]).map(|_| ()))
}

fn pending(tx: &Connection, mailbox: i64) -> Result<Vec<(LaneTag, u32)>> {
    const READ: &str = "SELECT tag, next FROM retired WHERE mailbox = ?1 ORDER BY tag";
    tx.prepare_cached(READ)?
        .query_map([mailbox], |row| Ok((LaneTag::new(row.get(0)?), row.get(1)?)))?
        .collect()
}

fn drop_chunks(tx: &Connection, mailbox: i64) -> Result<()> {
    const DROP: &str = "UPDATE frame SET bytes = zeroblob(2), dropped = 1
        WHERE lane = (SELECT id FROM lane WHERE mailbox = ?1 AND tag = ?2) AND sequence < ?3 AND NOT dropped";
    let mut drop = tx.prepare_cached(DROP)?;
    pending(tx, mailbox)?.into_iter().try_for_each(|(tag, next)| {
        drop.execute(params![mailbox, tag.as_bytes(), next]).map(|_| ())
    })
}

fn remember(tx: &Connection, mailbox: i64, lanes: &[(LaneTag, u32)]) -> Result<()> {
    const FORGET: &str = "DELETE FROM retired WHERE mailbox = ?1";
    const KEEP: &str = "INSERT INTO retired (mailbox, tag, next) VALUES (?1, ?2, ?3)";
    tx.prepare_cached(FORGET)?.execute([mailbox])?;
    let mut keep = tx.prepare_cached(KEEP)?;
    lanes.iter().try_for_each(|(tag, next)| {
        keep.execute(params![mailbox, tag.as_bytes(), next]).map(|_| ())
    })
}
