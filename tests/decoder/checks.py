"""What is done with each kind of vector: open it, and compare every field that it states."""

from . import armor, body, bundle, carried, changes, chunk, derive, document, enrolment, epochs
from . import exchange, frame, grant, header, meeting, note, pack, segment, tree
from . import statement as statements
from .refusal import Refused
from .roster import Roster
from .standing import Standing
from .vector import Mismatch, Vector


def check_hashes(vector: Vector) -> None:
    """Those of § 2 that need more than a key."""
    space, request = vector.bytes("space"), vector.bytes("request")
    frames = vector.all_bytes("frame")
    generation = derive.generation_secret(vector.bytes("epoch secret"))
    found = {
        "generation id": derive.generation_id(space, generation),
        "statement hash": derive.derive("statement", vector.bytes("statement"), 16),
        "epoch statement hash": derive.derive("epoch statement", vector.bytes("epoch statement"), 16),
        "grant tag": derive.grant_tag(space, vector.bytes("kem key"), vector.bytes("salt")),
        "retire hash": derive.derive("retire", vector.bytes("preimage")),
        "request hash": derive.derive("request", request),
        "request check": derive.derive("request check", request, 4),
        "psk id": derive.derive("psk id", request, 16),
        "tree key": derive.derive("tree", space),
        "cursor digest 2": exchange.cursor_digest(frames),
    }
    for name, value in found.items():
        vector.expect(name, value)


def check_derivations(vector: Vector) -> None:
    if not vector.has("root key"):
        return check_hashes(vector)
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
    encoded = [made[-1].encoded().hex() for made in found.values()]
    if encoded != vector.texts("automerge change"):
        raise Mismatch(f"automerge change: {encoded}")
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
    check_items(found)
    opening = body.check_place(found, sequence, space)
    if opening:
        vector.expect("device key", opening.key)
    made = {}
    if body.CHANGES in found.items:
        made = changes.read(found.items[body.CHANGES], vector.bytes("actor"))
    hashes = changes.last_changes(made)
    root = tree.root(space, found.leaf, hashes)
    tree.verify(space, found, sequence, root, opening.key if opening else vector.bytes("device key"))
    document.accept(made)
    for name, value in derived(found, made, space, sequence, root).items():
        vector.expect(name, value)


def derived(found: body.Body, made: dict, space: bytes, sequence: int, root: bytes) -> dict[str, bytes]:
    values = {"leaf 0 covers": found.leaf, "root": root, "lane": found.lane}
    values["position"] = tree.position(space, found.lane, sequence, root)
    for one in made.values():
        values |= {"automerge change": one[-1].encoded(), "change hash": one[-1].hash()}
    return values


def check_items(found: body.Body) -> None:
    if body.STATEMENTS in found.items:
        body.statements(found.items[body.STATEMENTS])
    if body.OPENING in found.items:
        body.opening(found.items[body.OPENING])
    if body.CLIENT_KEYS in found.items:
        body.client_keys(found.items[body.CLIENT_KEYS])
    if body.RETIRED in found.items:
        body.retired(found.items[body.RETIRED])
    if body.ERASURES in found.items:
        body.erasures(found.items[body.ERASURES])
    for kind in (body.DROPS, body.CARRIED):
        if kind in found.items:
            body.drops(found.items[kind])


def check_drop(vector: Vector) -> None:
    secret = derive.drop_secret(vector.bytes("generation secret"))
    found = note.read_drop(vector.bytes("drop"))
    opened = found.open(secret, vector.bytes("author's space"))
    opened.rebuilt(derive.note_actor(opened.id(vector.bytes("author's space"), found.target)))
    for name, value in {"drop secret": secret, "drop key": found.key, "name": found.id(), "note": opened.raw}.items():
        vector.expect(name, value)


def check_carried(vector: Vector) -> None:
    target, found = vector.bytes("target space"), carried.read(vector.bytes("bytes"))
    found.check(target)
    document = found.note.id(found.home, target)
    actor = derive.note_actor(document)
    made = found.note.rebuilt(actor)
    for name, value in {"note": document, "actor": actor, "last change": made[-1].hash()}.items():
        vector.expect(name, value)


def check_grant(vector: Vector) -> None:
    opened = grant.open_grant(vector.bytes("frame"), vector.bytes("space"), vector.bytes("kem secret"))
    vector.expect("epoch", opened.epoch)
    for name, kind in {"epoch secret": grant.EPOCH, "generation secret": grant.GENERATION}.items():
        if opened.keys(kind):
            vector.expect(name, opened.keys(kind)[0])


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
    keys = [header.slot_keys(stretched)]
    if vector.has("key file"):
        keys.insert(0, header.slot_keys(header.bind(vector.bytes("key file"), stretched)))
    opened = header.open_slots(found, keys)
    vector.expect("generation", found.generation)
    vector.expect("kind", opened.kind)
    vector.expect("slot key", keys[0].key)
    vector.expect("slot commitment", keys[0].commitment)
    if opened.kind == header.DURESS:
        check_opens_nothing(found, opened.key)
    else:
        vector.expect("keyring key", header.open_box(found, opened.key).key)


def check_opens_nothing(found: header.Header, key: bytes) -> None:
    try:
        header.open_box(found, key)
    except Refused:
        return
    raise Mismatch("a duress slot opens the keyring box")


def check_segment(vector: Vector) -> None:
    found = segment.open_segment(vector.bytes("frame"), vector.bytes("space"), vector.bytes("epoch secret"))
    if vector.has("statement") and vector.all_bytes("statement") != found.statements:
        raise Mismatch("statement")
    if vector.has("epoch statement") and vector.all_bytes("epoch statement") != found.epochs:
        raise Mismatch("epoch statement")


def check_pack_segment(vector: Vector) -> None:
    space, key = vector.bytes("space"), vector.bytes("pack key")
    if vector.has("pack"):
        vector.expect("pack", derive.pack(space, key))
    found = pack.segment(pack.open_part(vector.bytes("frame"), frame.PACK_SEGMENT, space, key), space)
    vector.expect("items", found.raw)
    if vector.has("root"):
        lasts = [part.made[-1].hash() for part in found.parts]
        if (lasts, found.roots) != (vector.all_bytes("last change"), vector.all_bytes("root")):
            raise Mismatch("parts")


def check_manifest(vector: Vector) -> None:
    space, key = vector.bytes("space"), vector.bytes("pack key")
    raw = pack.open_part(vector.bytes("frame"), frame.MANIFEST, space, key)
    found = pack.manifest(raw, space, derive.pack(space, key))
    for name, value in {"signer": found.signer, "documents": found.documents, "pack": derive.pack(space, key)}.items():
        vector.expect(name, value)
    if vector.has("segment") and vector.all_bytes("segment") != found.segments:
        raise Mismatch("segment")


def check_retire(vector: Vector) -> None:
    found = pack.retire(vector.bytes("frame"))
    vector.expect("retire hash", derive.derive("retire", found.preimage))


def check_roster(vector: Vector) -> None:
    """Statements in order, then the same in another order: the members are the same."""
    roster = build_roster(vector)
    members = shown(roster.view())
    if members != vector.texts("member"):
        raise Mismatch(f"members: {members}")
    again = Roster(roster.root)
    if again.add_all(vector.all_bytes("statement")[::-1]) or shown(again.view()) != members:
        raise Mismatch("another order gives other members")


def build_roster(vector: Vector) -> Roster:
    roster = Roster(vector.bytes("root key"))
    for one in vector.all_bytes("statement"):
        roster.add(one)
    return roster


def shown(view: Standing) -> list[str]:
    lines = []
    for member in view.members.values():
        keys = " ".join(sorted(key.hex() for key in member.keys))
        lines.append(f"{member.device.hex()} {member.role} {keys}")
    return sorted(lines)


def check_epochs(vector: Vector) -> None:
    ledger = epochs.Ledger(build_roster(vector))
    for one in vector.all_bytes("epoch"):
        ledger.add(one)


def check_meeting(vector: Vector) -> None:
    peer = derive.derive("relay", vector.bytes("device key"), 16)
    found = meeting.request(vector.bytes("bytes"), peer, vector.all_bytes("generation secret"))
    vector.expect("peer", peer)
    if [frame for section in found for frame in section.frames] != vector.all_bytes("frame"):
        raise Mismatch("frame")
    if vector.has("lane") and [f"{tag.hex()} {next_}" for tag, next_ in found[-1].vector] != vector.texts("lane"):
        raise Mismatch("lane")


def check_meeting_answer(vector: Vector) -> None:
    asked = exchange.request(vector.bytes("request"))
    if meeting.answer(vector.bytes("bytes"), asked) != vector.all_bytes("frame"):
        raise Mismatch("frame")


def check_bundle(vector: Vector) -> None:
    data = vector.bytes("bytes")
    found = bundle.read_under(data, vector.text("passphrase").encode()) if vector.has("passphrase") else bundle.read(data)
    vector.expect("frames", len(found))
    if vector.has("frame") and found != vector.all_bytes("frame"):
        raise Mismatch("frame")


CHECKS = {
    "derivations": check_derivations,
    "changes": check_changes,
    "chunk": check_chunk,
    "drop": check_drop,
    "carried drop": check_carried,
    "grant": check_grant,
    "statement": check_statement,
    "epoch statement": check_epoch,
    "roster": check_roster,
    "roster segment": check_segment,
    "epochs": check_epochs,
    "pack segment": check_pack_segment,
    "pack manifest": check_manifest,
    "retire": check_retire,
    "request": lambda vector: check_request_text(vector) if vector.has("request") else exchange.request(vector.bytes("bytes")),
    "answer": lambda vector: exchange.answer(vector.bytes("bytes")),
    "meeting": check_meeting,
    "meeting answer": check_meeting_answer,
    "bundle": check_bundle,
    "enrolment": check_enrolment,
    "answer in parts": check_parts,
    "header": check_header,
}
