"""§ 7.1: an exchange with another device of the space."""

from . import derive, exchange
from .exchange import ACK, END, FRAME, SECTION, Section
from .refusal import Refused

NO_KEY = "shows no key of this space"
FOR_A_RELAY = "is for a relay"
UNASKED = "names what was not asked"
ZEROS = bytes(16)
OF_RELAYS = (exchange.TAIL, exchange.HAVE, exchange.NEED, exchange.PASSED)


def request(data: bytes, peer: bytes, secrets: list[bytes]) -> list[Section]:
    """As the device judges it that has this id and the secrets of these generations."""
    sections = exchange.request(data)
    tokens = {derive.token(secret, peer) for secret in secrets}
    shown = False
    for section in sections:
        went = section.cursor or section.digest != ZEROS
        if section.basis != 1 or went or section.admission or section.resume:
            raise Refused(FOR_A_RELAY)
        shown = shown or section.token in tokens
        if section.frames and not shown:
            raise Refused(NO_KEY)
    if not shown:
        raise Refused(NO_KEY)
    return sections


def answer(data: bytes, asked: list[Section]) -> list[bytes]:
    """As the device judges it that asked; the frames that it is handed."""
    judge = Judge(asked)
    parts, is_done = exchange.read_parts(data)
    for kind, content in parts:
        judge.take(kind, content)
    if not is_done:
        raise Refused(exchange.CUT)
    judge.end()
    return judge.frames


class Judge:
    def __init__(self, asked: list[Section]) -> None:
        self.asked = asked
        self.at = -1
        self.ended: set[int] = set()
        self.acknowledged: set[tuple[int, int]] = set()
        self.frames: list[bytes] = []

    def take(self, kind: int, content: object) -> None:
        if kind in OF_RELAYS:
            raise Refused(UNASKED)
        if kind == SECTION:
            self.at = content
            self.require(content < len(self.asked))
        if kind in (ACK, FRAME, END):
            self.require(0 <= self.at and self.at not in self.ended)
        if kind == ACK:
            index, _, cursor = content
            self.require(cursor == 0 and index < len(self.asked[self.at].frames))
            self.require((self.at, index) not in self.acknowledged)
            self.acknowledged.add((self.at, index))
        if kind == FRAME:
            cursor, frame = content
            self.require(cursor == 0 and self.at == len(self.asked) - 1)
            self.frames.append(frame)
        if kind == END:
            self.require(content == (0, ZEROS))
            self.ended.add(self.at)

    def end(self) -> None:
        """Every section has ended, and of every frame something was said."""
        frames = sum(len(section.frames) for section in self.asked)
        self.require(len(self.ended) == len(self.asked) and len(self.acknowledged) == frames)

    def require(self, is_so: bool) -> None:
        if not is_so:
            raise Refused(UNASKED)
