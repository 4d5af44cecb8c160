"""§ 6.2: given some statements, which of them stand, and who is a member by them."""

from dataclasses import dataclass, field

from . import derive
from .lines import Lines, Past, Roots
from .statement import ADD_DEVICE, RENEW_DEVICE, REPLACE_ROOT, REVOKE, SET_ROLE, Statement

ADMIN, ARCHIVE = 3, 7
KNOWN_ROLES = range(1, 8)


@dataclass
class Member:
    line: bytes
    role: int
    flags: int
    keys: set[bytes] = field(default_factory=set)

    @property
    def device(self) -> bytes:
        return derive.device(self.line)

    @property
    def may_rotate(self) -> bool:
        return self.role in (ADMIN, ARCHIVE) or bool(self.flags & 1)


class Standing:
    """The verdict over a set of statements that contains the past of each."""

    def __init__(self, root: bytes, statements: list[Statement], past: Past) -> None:
        self.all = {one.hash: one for one in statements}
        self.past = past
        self.roots = Roots(root, statements, past)
        self.lines_of: dict[bytes, tuple[bytes | None, bytes | None]] = {}
        self.signer_line: dict[bytes, bytes | None] = {}
        self.named_line: dict[bytes, bytes | None] = {}
        for one in statements:
            self.place(one)
        self.attackers = [one for one in statements if one.is_attacker()]
        self.standing = self.resolve()
        self.void = self.voided(self.standing)
        self.members = self.find_members()

    def place(self, one: Statement) -> None:
        """Of what line its signer is, and what line it names, adds to or raises: by its past."""
        past = [self.all[hash] for hash in self.past(one.hash)]
        before = Lines(past, self.roots.keys)
        self.signer_line[one.hash] = before.of(one.signer)
        named = None
        if one.device is not None:
            named = before.of_device(one.device)
        elif one.kind in (ADD_DEVICE, RENEW_DEVICE):
            named = Lines([*past, one], self.roots.keys).of(one.key)
        self.named_line[one.hash] = named

    def by_root(self, one: Statement) -> bool:
        return one.signer in self.roots.keys

    def raises(self, one: Statement) -> bool:
        return one.kind in (ADD_DEVICE, SET_ROLE) and one.role == ADMIN

    # Step 3.

    def hits(self, attacker: Statement, one: Statement) -> bool:
        line = self.named_line[attacker.hash]
        if self.by_root(one) or line is None or self.signer_line[one.hash] != line:
            return False
        if one.hash in self.past(attacker.hash):
            return False
        if attacker.kind == SET_ROLE:
            allowed = one.kind == RENEW_DEVICE and attacker.role in KNOWN_ROLES
            if attacker.hash in self.past(one.hash) or allowed:
                return False
        return self.by_root(attacker) or not self.firm(one, attacker)

    def firm(self, one: Statement, attacker: Statement) -> bool:
        """Whether a root has seen the statement and not the attacker."""
        firming = (other for other in self.all.values() if self.by_root(other))
        pasts = (self.past(other.hash) for other in firming if other.hash not in self.roots.void)
        return any(one.hash in past and attacker.hash not in past for past in pasts)

    def voided(self, attackers: list[Statement]) -> set[bytes]:
        hit = {one.hash for one in self.all.values() if any(self.hits(x, one) for x in attackers)}
        refused = self.roots.void | hit
        valid: set[bytes] = set()
        while True:
            new = {one.hash for one in self.all.values() if one.hash not in refused and self.entitled(one, valid)}
            if new == valid:
                return set(self.all) - valid
            valid = new

    def entitled(self, one: Statement, valid: set[bytes]) -> bool:
        if self.by_root(one):
            return True
        line = self.signer_line[one.hash]
        naming = (self.all[hash] for hash in valid)
        named = any(other.kind in (ADD_DEVICE, RENEW_DEVICE) and other.key == one.signer
                    and self.named_line[other.hash] == line for other in naming)
        if line is None or not named:
            return False
        if one.kind == RENEW_DEVICE:
            return True
        raising = (self.all[hash] for hash in self.past(one.hash) & valid)
        return any(self.raises(other) and self.named_line[other.hash] == line for other in raising)

    # Step 4.

    def resolve(self) -> list[Statement]:
        plain = self.voided([])
        edges: dict[bytes, set[bytes]] = {}
        for x in self.attackers:
            under = self.voided([x])
            edges[x.hash] = {y.hash for y in self.attackers if y is not x and self.attacks(y, under, plain)}
        standing: list[Statement] = []
        open_ones = list(self.attackers)
        while True:
            void = self.voided(standing)
            open_ones = [one for one in open_ones if one.hash not in void]
            if not open_ones:
                return standing
            moved = unattacked({one.hash for one in open_ones}, edges)
            standing += [one for one in open_ones if one.hash in moved]
            open_ones = [one for one in open_ones if one.hash not in moved]

    def attacks(self, y: Statement, under: set[bytes], plain: set[bytes]) -> bool:
        if y.hash in under:
            return True
        line = self.signer_line[y.hash]
        newly = (self.all[hash] for hash in under - plain)
        return line is not None and any(self.named_line[one.hash] == line
                                        and (one.kind in (ADD_DEVICE, RENEW_DEVICE) or self.raises(one))
                                        for one in newly)

    # Step 5.

    def find_members(self) -> dict[bytes, Member]:
        valid = [one for one in self.all.values() if one.hash not in self.void]
        revoked = {self.named_line[one.hash] for one in self.standing if one.kind == REVOKE}
        found = {}
        for one in valid:
            line = self.named_line[one.hash]
            if one.kind == ADD_DEVICE and one.key == line and line not in revoked:
                found[line] = self.member(line, valid)
        return found

    def member(self, line: bytes, valid: list[Statement]) -> Member:
        named = [one for one in valid if self.named_line[one.hash] == line]
        adds = [one for one in named if one.kind == ADD_DEVICE and one.key == line]
        chosen = min(adds, key=lambda one: (not self.by_root(one), one.role != ADMIN, one.hash))
        raising = [one for one in named if one.kind == SET_ROLE and one.role == ADMIN]
        lowering = [one for one in self.standing if one.kind == SET_ROLE and self.named_line[one.hash] == line]
        roles = raising + lowering
        seen = set().union(*(self.past(one.hash) for one in roles))
        latest = [one for one in roles if one.hash not in seen]
        role = min(latest, key=lambda one: (one.role == ADMIN, one.hash)).role if latest else chosen.role
        keys = {one.key for one in named if one.kind in (ADD_DEVICE, RENEW_DEVICE)}
        keys -= {one.signer for one in valid if one.kind == RENEW_DEVICE}
        return Member(line, role, chosen.flags, keys)

    def member_of_key(self, key: bytes) -> Member | None:
        """The member of which this is a current key."""
        return next((one for one in self.members.values() if key in one.keys), None)

    def may_sign(self, key: bytes, kind: int) -> bool:
        if kind != RENEW_DEVICE and key == self.roots.present:
            return True
        member = self.member_of_key(key)
        if member is None or kind == REPLACE_ROOT:
            return False
        return member.role in KNOWN_ROLES if kind == RENEW_DEVICE else member.role == ADMIN

    def line_is_member(self, key: bytes) -> bool:
        """Whether a key, current or not, is in the line of a member."""
        lines = Lines(self.all.values(), self.roots.keys)
        return lines.of(key) in self.members


def unattacked(nodes: set[bytes], edges: dict[bytes, set[bytes]]) -> set[bytes]:
    """The members of every strongly connected component that no other component attacks."""
    reach = {node: reached(node, nodes, edges) for node in nodes}
    component = {node: {other for other in reach[node] if node in reach[other]} | {node} for node in nodes}
    attacked = {other for node in nodes for other in edges[node] & nodes if other not in component[node]}
    return {node for node in nodes if not component[node] & attacked}


def reached(start: bytes, nodes: set[bytes], edges: dict[bytes, set[bytes]]) -> set[bytes]:
    found, next_ones = set(), [start]
    while next_ones:
        for other in edges[next_ones.pop()] & nodes - found:
            found.add(other)
            next_ones.append(other)
    return found
