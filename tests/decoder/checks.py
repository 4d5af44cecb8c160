"""What is done with each kind of vector: open it, and compare every field that it states."""

from . import armor, body, bundle, changes, chunk, derive, document, enrolment, epochs, exchange, grant, header, tree
from . import statement as statements
from .vector import Mismatch, Vector


def check_derivations(vector: Vector) -> None:
    root, key, incarnation = (vector.bytes(name) for name in ("root key", "device key", "incarnation"))
    space, secret, nonce = derive.space(root), vector.bytes("epoch secret"), vector.bytes("nonce")
    generation, lane = derive.generation_secret(secret), derive.lane(space, key, incarnation)
    relay = derive.relay(vector.bytes("relay key"))
    token = derive.token(generation, relay)
    year, month = map(int, vector.text("month").split("-"))
    frame = vector.bytes("frame")
    found = {
        "space": space,
        "device": derive.device(key),
        "lane": lane,
        "actor": derive.actor(space, key, incarnation),
        "epoch id": derive.epoch_id(space, secret),
        "chunk key": derive.derive("chunk key", secret),
        "roster key": derive.derive("roster key", secret),
        "key hint": derive.key_hint(secret, nonce),
        "generation secret": generation,
        "lane tag": derive.lane_tag(generation, lane),
        "relay": relay,
        "token": token,
        "mailbox": derive.mailbox(token, vector.bytes("retire hash")),
        "frame hash": derive.derive("frame", frame, 16),
        "cursor digest 1": exchange.cursor_digest([frame]),
        "client tag": derive.client_tag(vector.bytes("client key"), year, month),
    }
    for name, value in found.items():
        vector.expect(name, value)


def check_changes(vector: Vector) -> None:
    found = changes.read(vector.bytes("item"), vector.bytes("actor"))
    document.accept(found)
    names, hashes = vector.all_bytes("document"), vector.all_bytes("last change")
    if dict(zip(names, hashes)) != changes.last_changes(found):
        raise Mismatch("last change")


def check_chunk(vector: Vector) -> None:
    space = vector.bytes("space")
    opened = chunk.open_chunk(vector.bytes("frame"), space, vector.bytes("epoch secret"))
    vector.expect("body", opened.body)
    read_body(vector, space, opened.sequence, opened.body)


def read_body(vector: Vector, space: bytes, sequence: int, data: bytes) -> None:
    found = body.read(data)
    opening = body.check_place(found, sequence, space)
    if opening:
        vector.expect("device key", opening.key)
    check_items(found)
    made = {}
    if body.CHANGES in found.items:
        made = changes.read(found.items[body.CHANGES], vector.bytes("actor") if vector.has("actor") else actor(vector))
    hashes = changes.last_changes(made)
    root = tree.root(space, found.leaf, hashes)
    tree.verify(space, found, sequence, root, opening.key if opening else vector.bytes("device key"))
    document.accept(made)
    for name, value in derived(found, made, space, sequence, root).items():
        vector.expect(name, value)


def actor(vector: Vector) -> bytes:
    """Of the lane whose incarnation all vectors share."""
    return derive.actor(vector.bytes("space"), vector.bytes("device key"), bytes([4] * 8))


def derived(found: body.Body, made: dict, space: bytes, sequence: int, root: bytes) -> dict[str, bytes]:
    values = {"leaf 0 covers": found.leaf, "root": root, "lane": found.lane}
    values["position"] = tree.position(space, found.lane, sequence, root)
    for one in made.values():
        values |= {"automerge change": one[-1].encoded(), "change hash": one[-1].hash()}
    return values


def check_items(found: body.Body) -> None:
    if body.STATEMENTS in found.items:
        body.statements(found.items[body.STATEMENTS])
    if body.CLIENT_KEYS in found.items:
        body.client_keys(found.items[body.CLIENT_KEYS])


def check_grant(vector: Vector) -> None:
    opened = grant.open_grant(vector.bytes("frame"), vector.bytes("space"), vector.bytes("kem secret"))
    vector.expect("epoch", opened.epoch)
    for name, kind in {"epoch secret": grant.EPOCH, "generation secret": grant.GENERATION}.items():
        for key in opened.keys(kind):
            vector.expect(name, key)


def check_statement(vector: Vector) -> None:
    found = statements.read(vector.bytes("statement"), vector.bytes("space"))
    vector.expect("statement hash", found.hash)
    for parent in found.parents:
        vector.expect("parent", parent)
    for name, value in {"device key": found.key, "kem key": found.kem, "role": found.role, "device": found.device}.items():
        if value is not None:
            vector.expect(name, value)


def check_epoch(vector: Vector) -> None:
    found = epochs.read(vector.bytes("statement"), vector.bytes("space"))
    vector.expect("epoch statement hash", found.hash)
    vector.expect("minter", found.minter)


def check_request_text(vector: Vector) -> None:
    enrolment.request(armor.unarmor(vector.text("request"), armor.REQUEST))


def check_enrolment(vector: Vector) -> None:
    asked = enrolment.request(armor.unarmor(vector.text("request"), armor.REQUEST))
    answer = armor.unarmor(vector.text("answer"), armor.ANSWER)
    enrolment.open_answer(asked, answer, vector.bytes("kem secret"))
    vector.expect("words", " ".join(armor.words(asked.data, answer)))


def check_parts(vector: Vector) -> None:
    whole = armor.join(vector.texts("part"), armor.ANSWER)
    if whole != armor.unarmor(vector.text("answer"), armor.ANSWER):
        raise Mismatch("answer")


def check_header(vector: Vector) -> None:
    found = header.best(vector.all_bytes("header"))
    stretched = header.stretch(found, vector.text("passphrase").encode())
    keys = header.slot_keys(stretched)
    opened = header.open_slots(found, [keys])
    vector.expect("slot key", keys.key)
    vector.expect("slot commitment", keys.commitment)
    ring = header.open_box(found, opened.key)
    vector.expect("keyring key", ring.key)


CHECKS = {
    "derivations": check_derivations,
    "changes": check_changes,
    "chunk": check_chunk,
    "grant": check_grant,
    "statement": check_statement,
    "epoch statement": check_epoch,
    "request": lambda vector: check_request_text(vector) if vector.has("request") else exchange.request(vector.bytes("bytes")),
    "answer": lambda vector: exchange.answer(vector.bytes("bytes")),
    "bundle": lambda vector: bundle.read(vector.bytes("bytes")),
    "enrolment": check_enrolment,
    "answer in parts": check_parts,
    "header": check_header,
}
