"""§ 2: identifiers and keys, all of them BLAKE3 under a label."""

from blake3 import blake3


def derive(label: str, data: bytes, length: int = 32) -> bytes:
    return blake3(data, derive_key_context=f"haversack v1 {label}").digest()[:length]


def keyed(key: bytes, data: bytes, length: int = 32) -> bytes:
    return blake3(data, key=key).digest()[:length]


def space(root: bytes) -> bytes:
    return derive("space", root, 16)


def device(key: bytes) -> bytes:
    return derive("device", key, 16)


def lane(space: bytes, key: bytes, incarnation: bytes) -> bytes:
    return derive("lane", space + key + incarnation, 16)


def actor(space: bytes, key: bytes, incarnation: bytes) -> bytes:
    return derive("actor", space + key + incarnation, 16)


def pack(space: bytes, key: bytes) -> bytes:
    return derive("pack", space + key, 16)


def generation_secret(epoch_secret: bytes) -> bytes:
    return derive("generation", epoch_secret)


def generation_id(space: bytes, generation_secret: bytes) -> bytes:
    return derive("epoch id", space + generation_secret, 16)


def epoch_id(space: bytes, secret: bytes) -> bytes:
    return generation_id(space, generation_secret(secret))


def key_hint(epoch_secret: bytes, nonce: bytes) -> bytes:
    return keyed(derive("hint key", epoch_secret), nonce, 4)


def lane_tag(generation_secret: bytes, lane: bytes) -> bytes:
    return keyed(derive("lane tag", generation_secret), lane, 8)


def relay(key: bytes) -> bytes:
    return derive("relay", key, 16)


def token(generation_secret: bytes, relay: bytes) -> bytes:
    return derive("token", generation_secret + relay)


def mailbox(token: bytes, retire_hash: bytes) -> bytes:
    return derive("mailbox", token + retire_hash, 16)


def grant_tag(space: bytes, kem_key: bytes, salt: bytes) -> bytes:
    return derive("grant tag", space + kem_key + salt, 8)


def drop_secret(generation_secret: bytes) -> bytes:
    return derive("drop key", generation_secret)


def drop(target: bytes, key: bytes, encapsulated: bytes, sealed: bytes) -> bytes:
    return derive("drop", target + key + encapsulated + sealed, 16)


def note(home: bytes, target: bytes, author: bytes, salt: bytes, changes: bytes) -> bytes:
    return derive("note", home + target + author + salt + changes, 16)


def note_actor(note: bytes) -> bytes:
    return derive("note actor", note, 16)


def client_tag(client_key: bytes, year: int, month: int) -> bytes:
    return keyed(derive("client tag", client_key), year.to_bytes(2, "little") + bytes([month]), 8)
