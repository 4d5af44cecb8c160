//! Drops, as this crate reads them.

use haversack_wire::Space;

use super::{Read, Vector, refusal, wire};
use crate::crypto::GenerationSecret;
use crate::sync::drop::{Carried, Drop};

pub(super) fn drop(vector: &Vector) -> Read {
    let drop = Drop::decode(&vector.bytes("drop")).map_err(|error| wire(&error))?;
    let secret = GenerationSecret::new(vector.array("generation secret")).drop_key();
    if drop.key != secret.public() {
        return Err("its key is another generation's".to_owned());
    }
    let from = Space::new(vector.array("author's space"));
    let note = drop.open(&from, &secret).ok_or("does not open")?.map_err(|error| wire(&error))?;
    assert_eq!((note.encode(), drop.id().to_bytes()), (vector.bytes("note"), vector.array("name")));
    assert_eq!(
        (*secret.expose(), drop.key),
        (vector.array("drop secret"), vector.array("drop key"))
    );
    Ok(())
}

pub(super) fn carried(vector: &Vector) -> Read {
    let carried = Carried::decode(&vector.bytes("bytes")).map_err(|error| wire(&error))?;
    let target = Space::new(vector.array("target space"));
    let taken = carried.check(&target).map_err(refusal)?;
    assert_eq!(taken.id.to_bytes(), vector.array("note"));
    assert_eq!(carried.actor(&target).to_bytes(), vector.bytes("actor"));
    assert_eq!(taken.changes.last().unwrap().hash().0, vector.array("last change"));
    Ok(())
}
