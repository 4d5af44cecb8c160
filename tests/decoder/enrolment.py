"""§ 9: a device asks to be let in, a member answers."""

from dataclasses import dataclass

from . import armor, derive, epochs, grant, hpke, limits, refusal, sign, statement
from .reader import Reader, require_ascending
from .refusal import Refused
from .roster import Roster
from .standing import ADMIN

SLIP = "has a slip in it"
NOT_MEMBER = "the device is not a member"
INVITER = "the inviter is not an admin"
NO_EPOCH = "no epoch that stands comes with its keys"
INVITATION = "is not signed by who sent it"


@dataclass
class Request:
    data: bytes
    device: bytes
    kem: bytes
    one_time: bytes

    def digest(self) -> bytes:
        return derive.derive("request", self.data)


def request(data: bytes) -> Request:
    if len(data) < 4 or derive.derive("request check", data[:-4], 4) != data[-4:]:
        raise Refused(SLIP)
    reader = Reader(data[:-4])
    check_version(reader)
    found = Request(data, reader.bytes(32), reader.bytes(32), reader.bytes(32))
    reader.end()
    return found


def check_version(reader: Reader) -> None:
    if reader.u8() != 1:
        raise refusal.unknown("version")


@dataclass
class Invitation:
    root: bytes
    statements: list[bytes]
    entries: list[tuple[int, bytes]]
    epochs: list[bytes]
    inviter: bytes


def open_answer(asked: Request, data: bytes, kem_secret: bytes) -> Invitation:
    reader = Reader(data)
    check_version(reader)
    encapsulated = reader.bytes(32)
    info = sign.message("invitation", asked.digest())
    psk_id = derive.derive("psk id", asked.data, 16)
    content = hpke.open_one(kem_secret, encapsulated, reader.rest(), info, b"", asked.one_time, psk_id)
    return checked(asked, content)


def checked(asked: Request, content: bytes) -> Invitation:
    reader = Reader(content)
    root = reader.bytes(32)
    statements = reader.list(limits.STATEMENTS, reader.blob)
    require_ascending(derive.derive("statement", one, 16) for one in statements)
    entries = grant.entries(reader)
    minted = reader.list(limits.EPOCHS_IN_ANSWER, reader.blob)
    require_ascending(derive.derive("epoch statement", one, 16) for one in minted)
    inviter = reader.bytes(32)
    signed = content[: reader.at]
    signature = reader.bytes(64)
    reader.end()
    sign.verify(inviter, "invitation", asked.digest() + signed, signature, INVITATION)
    found = Invitation(root, statements, entries, minted, inviter)
    admit(asked, found)
    return found


def admit(asked: Request, found: Invitation) -> None:
    """By its own statements: whether both are members, and whether there is an epoch to begin with."""
    roster = Roster(found.root)
    for one in found.statements:
        statement.read(one, roster.space)
    roster.add_all(found.statements)
    view = roster.view()
    if view.member_of_key(asked.device) is None:
        raise Refused(NOT_MEMBER)
    inviter = view.member_of_key(found.inviter)
    if inviter is None or inviter.role != ADMIN:
        raise Refused(INVITER)
    space = derive.space(found.root)
    secrets = {derive.epoch_id(space, key) for kind, key in found.entries if kind == grant.EPOCH}
    generations = {derive.generation_id(space, key) for kind, key in found.entries if kind == grant.GENERATION}
    ledger = epochs.Ledger(roster)
    ledger.add_all(found.epochs)
    standing = [one for one in ledger.standing.values() if one.id in secrets and one.generation in generations]
    if not standing:
        raise Refused(NO_EPOCH)


def six_words(request_text: str, answer_text: str) -> list[str]:
    return armor.words(armor.unarmor(request_text, armor.REQUEST), armor.unarmor(answer_text, armor.ANSWER))
