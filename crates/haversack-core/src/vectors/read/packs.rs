//! Packs: segments down to each part's signature, manifests, retires.

use haversack_wire::{Frame, Pack, PackHeader, RetireHash};

use super::{Read, Vector, frame, space, wire};
use crate::crypto::{PackKey, verify};
use crate::docs::rebuild::{self, Tip};
use crate::sync::chunk;
use crate::sync::manifest::Manifest;
use crate::sync::pack::Segment;
use crate::sync::tree::{Tree, signed};

/// What is in a frame of a pack, and the pack's id.
fn opened(vector: &Vector, is_manifest: bool) -> Result<(Vec<u8>, Pack), String> {
    let bytes = vector.bytes("frame");
    let Frame::Pack(header, sealed) = frame(&bytes)? else { return Err("no pack".into()) };
    let PackHeader { manifest, nonce, hint, .. } = header;
    assert_eq!(manifest, is_manifest);
    let (key, space) = (PackKey::new(vector.array("pack key")), space(vector));
    if key.hint_key().hint(&nonce) != hint {
        return Err("the hint names another key".to_owned());
    }
    let pack = key.id(&space);
    assert!(vector.get("pack").is_none() || vector.array("pack") == pack.to_bytes());
    let raw = chunk::open_pack((&key, &pack), &space, &header, sealed).ok_or("does not open")?;
    Ok((raw.map_err(|error| wire(&error))?, pack))
}

pub(super) fn segment(vector: &Vector) -> Read {
    let (raw, _) = opened(vector, false)?;
    assert!(vector.get("items").is_none() || vector.bytes("items") == raw);
    let space = space(vector);
    let segment = Segment::decode(&raw, &space).map_err(|error| wire(&error))?;
    let tree = Tree::new(&space);
    let (mut lasts, mut roots) = (Vec::new(), Vec::new());
    for (part, proof) in segment.parts.iter().zip(&segment.proofs) {
        let author = &segment.authors[part.author];
        let made = rebuild::changes(&author.author(&space), part.changes.clone(), Tip::default());
        let hash = made.map_err(super::refusal)?.last().unwrap().hash();
        let root = tree.root_of(&proof.proof, &part.document, &hash);
        let message = signed(&space, &author.lane(&space), proof.last(), &root);
        if !verify(&author.device_key, &message, &proof.signature) {
            return Err("a part's signature does not verify".to_owned());
        }
        (lasts, roots) =
            ([lasts, vec![hash.0.to_vec()]].concat(), [roots, vec![root.to_vec()]].concat());
    }
    if vector.get("root").is_some() {
        assert_eq!((lasts, roots), (vector.all("last change"), vector.all("root")));
    }
    Ok(())
}

pub(super) fn manifest(vector: &Vector) -> Read {
    let (raw, pack) = opened(vector, true)?;
    let found = Manifest::decode(&raw, &space(vector), &pack).map_err(|error| wire(&error))?;
    if vector.get("signer").is_some() {
        assert_eq!(found.signer, vector.array("signer"));
        assert_eq!(found.documents.to_string(), vector.get("documents").unwrap());
        let segments: Vec<_> = found.segments.iter().map(|hash| hash.to_bytes().to_vec()).collect();
        assert_eq!(segments, vector.all("segment"));
    }
    Ok(())
}

pub(super) fn retire(vector: &Vector) -> Read {
    let bytes = vector.bytes("frame");
    let found = match Frame::parse(&bytes).map_err(|error| wire(&error))? {
        Frame::Retire(retire) => retire,
        _ => return Err("kept and passed on".to_owned()),
    };
    if vector.get("retire hash").is_some() {
        assert!(found.proves(&RetireHash::new(vector.array("retire hash"))));
    }
    Ok(())
}
