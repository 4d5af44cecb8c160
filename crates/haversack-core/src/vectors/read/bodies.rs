//! Chunks, from the clear header to the signature.

use haversack_wire::{Actor, Frame};

use super::{Read, Vector, decode, frame, space, wire};
use crate::crypto::{EpochSecret, verify};
use crate::docs::Author;
use crate::docs::rebuild::{self, Tip};
use crate::members::lane;
use crate::sync::body::{Body, Opening};
use crate::sync::{chunk as sealed_chunk, tree};

pub(super) fn chunk(vector: &Vector) -> Read {
    let bytes = vector.bytes("frame");
    let Frame::Chunk(header, sealed) = frame(&bytes)? else { return Err("no chunk".into()) };
    let secret = EpochSecret::new(vector.array("epoch secret"));
    if secret.hint_key().hint(&header.nonce) != header.hint {
        return Err("the hint names another key".to_owned());
    }
    let space = space(vector);
    let epoch = (&secret, &secret.id(&space));
    let opened = sealed_chunk::open(epoch, &space, &header, sealed);
    let raw = opened.ok_or("does not open")?.map_err(|error| wire(&error))?;
    assert!(vector.get("body").is_none() || vector.bytes("body") == raw);
    let (body, rest, signature) = Body::decode(&raw).map_err(|error| wire(&error))?;
    let opening = placed(vector, &body, header.sequence)?;
    let key = opening.map_or_else(|| vector.array("device key"), |opening| opening.device_key);
    let mut tips = Vec::new();
    if let Some(item) = &body.changes {
        let author = Author::new(&Actor::new(vector.array("actor")));
        for part in decode(&author, item)? {
            let made = rebuild::changes(&author, part.changes, Tip::default());
            tips.push((part.document, made.map_err(super::refusal)?.last().unwrap().hash()));
        }
    }
    let root = tree::Tree::new(&space).leaves(&rest, &tips).root();
    let message = tree::signed(&space, &body.lane, header.sequence, &root);
    match verify(&key, &message, &signature) {
        true => Ok(()),
        false => Err("the body's signature does not verify".to_owned()),
    }
}

/// What the engine asks of a body's place before it looks at anything else. That the engine itself refuses the same ones is
/// tested beside it.
fn placed(vector: &Vector, body: &Body, sequence: u32) -> Result<Option<Opening>, String> {
    let refused = |why: &str| Err(why.to_owned());
    match (sequence, body.opening) {
        (0, None) => refused("lane opening is absent at sequence 0"),
        (0, Some(_)) if body.heads.is_none() => refused("roster heads are absent at sequence 0"),
        (0, Some(_)) if body.previous.to_bytes() != [0; 16] => {
            refused("previous is not zeros at sequence 0")
        }
        (0, Some(opening)) => {
            let named = lane(&space(vector), &opening.device_key, opening.incarnation);
            match named == body.lane {
                true => Ok(Some(opening)),
                false => refused("lane is not that of its opening"),
            }
        }
        (_, Some(_)) => refused("lane opening after sequence 0"),
        (_, None) => Ok(None),
    }
}
