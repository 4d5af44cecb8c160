//! Every line of § 2.

use haversack_wire::hash::{Label, derive, derive_cut};
use haversack_wire::{CursorDigest, FrameHash, Mailbox, Relay, RetireHash};

use super::cast::Cast;
use super::vector::Vector;
use crate::crypto::ClientKey;
use crate::members::{actor, device, statement_hash};

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    vec![keys(cast), hashes(cast)]
}

fn keys(cast: &Cast) -> Vector {
    let key = cast.admin.sign.public();
    let incarnation = cast.admin.incarnation;
    let own = cast.lane();
    let generation = cast.epoch.generation();
    let relay = Relay::of(&[6; 32]);
    let retire = RetireHash::new([7; 32]);
    let token = generation.token(&relay);
    let frame = FrameHash::of(b"a frame");
    Vector::new("derivations", "derivations", "ok")
        .hex("root key", cast.root.public())
        .hex("space", cast.space.as_bytes())
        .hex("device key", key)
        .hex("device", device(&key).as_bytes())
        .hex("incarnation", incarnation.as_bytes())
        .hex("lane", own.as_bytes())
        .hex("actor", actor(&cast.space, &key, incarnation).as_bytes())
        .hex("epoch secret", cast.epoch.expose())
        .hex("epoch id", cast.epoch.id(&cast.space).as_bytes())
        .hex("chunk key", cast.epoch.chunk_key().expose())
        .hex("roster key", cast.epoch.roster_key().expose())
        .hex("nonce", [8; 24])
        .hex("key hint", cast.epoch.hint_key().hint(&[8; 24]).as_bytes())
        .hex("generation secret", generation.expose())
        .hex("lane tag", generation.lane_tag(&own).as_bytes())
        .hex("relay key", [6; 32])
        .hex("relay", relay.as_bytes())
        .hex("token", token.as_bytes())
        .hex("retire hash", retire.as_bytes())
        .hex("mailbox", Mailbox::of(&token, &retire).as_bytes())
        .hex("frame", b"a frame")
        .hex("frame hash", frame.as_bytes())
        .hex("cursor digest 1", CursorDigest::default().next(frame).as_bytes())
        .hex("client key", [9; 32])
        .line("month", "2008-02")
        .hex("client tag", ClientKey::new([9; 32]).tag(2008, 2))
}

/// Those that need more than a key.
fn hashes(cast: &Cast) -> Vector {
    let statement = cast.roster.statements().next().unwrap();
    let epoch = cast.first_epoch();
    let kem_key = cast.admin.kem.public();
    let tag: [u8; 8] = derive_cut(Label::GRANT_TAG, &[cast.space.as_bytes(), &kem_key, &[11; 8]]);
    let psk_id: [u8; 16] = derive_cut(Label::PSK_ID, &[b"a request"]);
    let check: [u8; 4] = derive_cut(Label::REQUEST_CHECK, &[b"a request"]);
    let frames = [FrameHash::of(b"a frame"), FrameHash::of(b"another")];
    let digest = frames.into_iter().fold(CursorDigest::default(), CursorDigest::next);
    Vector::new("derivations_of_hashes", "derivations", "ok")
        .hex("space", cast.space.as_bytes())
        .hex("epoch secret", cast.epoch.expose())
        .hex("generation id", cast.epoch.generation().id(&cast.space).as_bytes())
        .hex("statement", statement)
        .hex("statement hash", statement_hash(statement).as_bytes())
        .hex("epoch statement", &epoch.bytes)
        .hex("epoch statement hash", epoch.hash().as_bytes())
        .hex("kem key", kem_key)
        .hex("salt", [11; 8])
        .hex("grant tag", tag)
        .hex("preimage", [12; 32])
        .hex("retire hash", derive(Label::RETIRE, &[&[12; 32]]))
        .hex("request", b"a request")
        .hex("request hash", derive(Label::REQUEST, &[b"a request"]))
        .hex("request check", check)
        .hex("psk id", psk_id)
        .hex("tree key", derive(Label::TREE, &[cast.space.as_bytes()]))
        .hex("frame", b"a frame")
        .hex("frame", b"another")
        .hex("cursor digest 2", digest.as_bytes())
}
