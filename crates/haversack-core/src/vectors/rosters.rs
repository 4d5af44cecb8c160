//! Small teams: lists of statements, and who is a member by them.

use haversack_wire::{RetireHash, Space, StatementHash};

use super::vector::Vector;
use crate::crypto::{Real, SignKey};
use crate::members::{Content, Cut, Role, Roster, Statement, device, statement_hash};

const ADMIN: Role = Role::Coordinator;
const FIELD: Role = Role::Educator;
const NOT_HIS: &str = "is not its signer's to make";

/// Statements in the order in which they are said. Person 0 is the root, everybody else a device.
pub(super) struct Team {
    pub(super) space: Space,
    pub(super) said: Vec<Vec<u8>>,
    pub(super) roster: Roster,
}

pub(super) fn key(person: u8) -> SignKey {
    SignKey::from_seed(&[person + 1; 32])
}

pub(super) fn kem(person: u8) -> [u8; 32] {
    [person + 101; 32]
}

fn public(person: u8) -> [u8; 32] {
    key(person).public()
}

pub(super) fn add(person: u8, role: Role) -> Content {
    let (device_key, kem_key) = (public(person), kem(person));
    Content::AddDevice { device_key, kem_key, role: Some(role), may_rotate: false }
}

pub(super) fn revoke(person: u8) -> Content {
    Content::Revoke { device: device(&public(person)), cut: Cut::new() }
}

fn set_role(person: u8, role: Role) -> Content {
    Content::SetRole { device: device(&public(person)), role: Some(role), cut: Cut::new() }
}

fn renew(person: u8) -> Content {
    Content::RenewDevice { device_key: public(person), kem_key: kem(person) }
}

fn replace_root(person: u8) -> Content {
    Content::ReplaceRoot { root: public(person) }
}

impl Team {
    fn empty() -> Self {
        let roster = Roster::new(public(0));
        Self { space: *roster.space(), said: Vec::new(), roster }
    }

    /// A root, and people whom it adds.
    pub(super) fn of(people: &[(u8, Role)]) -> (Self, Vec<StatementHash>) {
        let mut team = Self::empty();
        let mut heads = Vec::new();
        for (person, role) in people {
            heads = vec![team.say(0, &heads, add(*person, *role))];
        }
        (team, heads)
    }

    pub(super) fn say(
        &mut self,
        signer: u8,
        parents: &[StatementHash],
        content: Content,
    ) -> StatementHash {
        let mut parents = parents.to_vec();
        parents.sort();
        let consent = match &content {
            Content::RenewDevice { device_key, .. } => {
                (1..100).map(key).find(|key| key.public() == *device_key)
            }
            _ => None,
        };
        let signed =
            Statement::sign::<Real>(&self.space, &key(signer), parents, content, consent.as_ref());
        let bytes = signed.unwrap().bytes;
        self.roster.add::<Real>([bytes.as_slice()]).unwrap();
        let hash = statement_hash(&bytes);
        self.said.push(bytes);
        hash
    }

    pub(super) fn fields(&self, vector: Vector) -> Vector {
        vector.hex("root key", public(0)).hexes("statement", &self.said)
    }

    /// Members in order: first key, role, current keys.
    fn stands(&self, name: &str, members: &[(u8, u8, &[u8])]) -> Vector {
        let mut lines: Vec<String> = members.iter().map(member).collect();
        lines.sort();
        let vector = self.fields(Vector::new(name, "roster", "ok"));
        lines.iter().fold(vector, |vector, line| vector.line("member", line))
    }

    /// The statement that was said last does not belong.
    fn refused(&self, name: &str, expect: &str) -> Vector {
        self.fields(Vector::new(name, "roster", expect))
    }
}

fn member((person, role, keys): &(u8, u8, &[u8])) -> String {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let mut keys: Vec<String> = keys.iter().map(|person| hex(&public(*person))).collect();
    keys.sort();
    format!("{} {role} {}", hex(device(&public(*person)).as_bytes()), keys.join(" "))
}

pub(super) fn vectors() -> Vec<Vector> {
    let families =
        [removals(), seizures(), roles(), renewals(), roots(), refusals(), more_refusals()];
    families.into_iter().flatten().collect()
}

fn removals() -> Vec<Vector> {
    let (mut both, heads) = Team::of(&[(1, ADMIN), (2, ADMIN), (3, FIELD)]);
    both.say(1, &heads, revoke(2));
    both.say(2, &heads, revoke(1));
    let (mut ring, heads) = Team::of(&[(1, ADMIN), (2, ADMIN), (3, ADMIN), (4, FIELD)]);
    ring.say(1, &heads, revoke(2));
    ring.say(2, &heads, revoke(3));
    ring.say(3, &heads, revoke(1));
    let (mut one, heads) = Team::of(&[(1, ADMIN), (2, FIELD), (3, FIELD)]);
    one.say(1, &heads, revoke(2));
    // Whoever was revoked had added somebody before: that stays.
    let (mut after, heads) = Team::of(&[(1, ADMIN), (2, ADMIN)]);
    let added = after.say(2, &heads, add(3, FIELD));
    after.say(1, &[added], revoke(2));
    let (mut leaves_out, heads) = Team::of(&[(1, ADMIN), (2, ADMIN)]);
    leaves_out.say(2, &heads, add(3, FIELD));
    leaves_out.say(1, &heads, revoke(2));
    // The root has seen what the removed one did, and not the removal: that makes it firm.
    let (mut firm, heads) = Team::of(&[(1, ADMIN), (2, ADMIN)]);
    let added = firm.say(2, &heads, add(3, FIELD));
    firm.say(0, &[added], add(4, FIELD));
    firm.say(1, &heads, revoke(2));
    vec![
        both.stands("roster_two_revoke_each_other", &[(3, 1, &[3])]),
        ring.stands("roster_ring_of_three", &[(4, 1, &[4])]),
        one.stands("roster_revoked", &[(1, 3, &[1]), (3, 1, &[3])]),
        after.stands("roster_added_before_the_removal", &[(1, 3, &[1]), (3, 1, &[3])]),
        leaves_out.stands("roster_removal_leaves_out", &[(1, 3, &[1])]),
        firm.stands("roster_root_makes_firm", &[(1, 3, &[1]), (3, 1, &[3]), (4, 1, &[4])]),
    ]
}

fn seizures() -> Vec<Vector> {
    // Person 2 is seized, removes everybody and adds a friend; person 1 removes it without having seen that.
    let (mut seized, heads) = Team::of(&[(1, ADMIN), (2, ADMIN), (3, ADMIN), (4, FIELD)]);
    let mut last = heads.clone();
    for person in [1, 3, 4] {
        last = vec![seized.say(2, &last, revoke(person))];
    }
    seized.say(2, &last, add(5, ADMIN));
    seized.say(1, &heads, revoke(2));
    let (mut rooted, heads) = Team::of(&[(1, ADMIN), (2, ADMIN), (3, FIELD)]);
    let first = rooted.say(2, &heads, revoke(1));
    rooted.say(2, &[first], revoke(3));
    rooted.say(0, &heads, revoke(2));
    // The puppet was made by who is removed, and removes in turn.
    let (mut puppet, heads) = Team::of(&[(1, ADMIN), (2, ADMIN), (3, FIELD)]);
    let made = puppet.say(2, &heads, add(5, ADMIN));
    puppet.say(5, &[made], revoke(1));
    puppet.say(1, &heads, revoke(2));
    vec![
        seized.stands("roster_seized_admin", &[(3, 3, &[3]), (4, 1, &[4])]),
        rooted.stands("roster_seized_admin_and_root", &[(1, 3, &[1]), (3, 1, &[3])]),
        puppet.stands("roster_puppet", &[(3, 1, &[3])]),
    ]
}

fn roles() -> Vec<Vector> {
    let (mut demoted, heads) = Team::of(&[(1, ADMIN), (2, ADMIN)]);
    demoted.say(2, &heads, add(3, FIELD));
    demoted.say(1, &heads, set_role(2, FIELD));
    let (mut promoted, heads) = Team::of(&[(1, ADMIN), (2, FIELD)]);
    let raised = promoted.say(1, &heads, set_role(2, ADMIN));
    promoted.say(2, &[raised], add(3, Role::Archive));
    let (mut both, heads) = Team::of(&[(1, ADMIN), (2, ADMIN), (3, FIELD)]);
    both.say(1, &heads, set_role(3, ADMIN));
    both.say(2, &heads, set_role(3, Role::Clinic));
    let (mut later, heads) = Team::of(&[(1, ADMIN), (3, FIELD)]);
    let down = later.say(1, &heads, set_role(3, Role::Trainer));
    later.say(1, &[down], set_role(3, ADMIN));
    let (mut keeps, heads) = Team::of(&[(1, ADMIN), (2, ADMIN)]);
    keeps.say(2, &heads, renew(3));
    keeps.say(1, &heads, set_role(2, FIELD));
    let (mut twice, heads) = Team::of(&[(1, ADMIN), (2, ADMIN)]);
    twice.say(1, &heads, add(3, FIELD));
    twice.say(2, &heads, add(3, ADMIN));
    vec![
        demoted.stands("roster_demoted", &[(1, 3, &[1]), (2, 1, &[2])]),
        promoted.stands("roster_promoted", &[(1, 3, &[1]), (2, 3, &[2]), (3, 7, &[3])]),
        both.stands("roster_two_roles", &[(1, 3, &[1]), (2, 3, &[2]), (3, 4, &[3])]),
        later.stands("roster_later_role", &[(1, 3, &[1]), (3, 3, &[3])]),
        keeps.stands("roster_demoted_may_renew", &[(1, 3, &[1]), (2, 1, &[3])]),
        twice.stands("roster_added_by_two", &[(1, 3, &[1]), (2, 3, &[2]), (3, 3, &[3])]),
    ]
}

fn renewals() -> Vec<Vector> {
    let (mut once, heads) = Team::of(&[(1, ADMIN), (2, FIELD)]);
    let renewed = once.say(2, &heads, renew(4));
    once.say(4, &[renewed], renew(5));
    let (mut cloned, heads) = Team::of(&[(1, ADMIN), (2, FIELD)]);
    cloned.say(2, &heads, renew(4));
    cloned.say(2, &heads, renew(5));
    let (mut gone, heads) = Team::of(&[(1, ADMIN), (2, FIELD)]);
    let renewed = gone.say(2, &heads, renew(4));
    gone.say(1, &[renewed], revoke(4));
    let (mut admin, heads) = Team::of(&[(1, ADMIN)]);
    let renewed = admin.say(1, &heads, renew(4));
    admin.say(4, &[renewed], add(2, FIELD));
    vec![
        once.stands("roster_renewed", &[(1, 3, &[1]), (2, 1, &[5])]),
        cloned.stands("roster_cloned", &[(1, 3, &[1]), (2, 1, &[4, 5])]),
        admin.stands("roster_renewed_admin", &[(1, 3, &[4]), (2, 1, &[2])]),
        gone.stands("roster_revoked_by_a_later_key", &[(1, 3, &[1])]),
    ]
}

fn roots() -> Vec<Vector> {
    let (mut replaced, heads) = Team::of(&[(1, ADMIN)]);
    let new = replaced.say(0, &heads, replace_root(9));
    replaced.say(9, &[new], add(2, FIELD));
    // What the old root says beside its replacement is void.
    let (mut beside, heads) = Team::of(&[(1, ADMIN)]);
    beside.say(0, &heads, replace_root(9));
    beside.say(0, &heads, revoke(1));
    beside.say(0, &heads, add(3, ADMIN));
    let (mut unknown, heads) = Team::of(&[(1, ADMIN)]);
    let hashes = Content::RetireHashes { first: 1, hashes: vec![RetireHash::new([7; 32])] };
    let said = unknown.say(1, &heads, hashes);
    unknown.say(1, &[said], Content::SetRelays(vec![]));
    vec![
        replaced.stands("roster_root_replaced", &[(1, 3, &[1]), (2, 1, &[2])]),
        beside.stands("roster_root_replaced_beside", &[(1, 3, &[1])]),
        unknown.stands("roster_settings", &[(1, 3, &[1])]),
    ]
}

/// Who may not sign.
fn refusals() -> Vec<Vector> {
    let case = |name: &str, people: &[(u8, Role)], last: (u8, Content)| {
        let (mut team, heads) = Team::of(people);
        team.say(last.0, &heads, last.1);
        team.refused(name, NOT_HIS)
    };
    let people = [(1, ADMIN), (2, FIELD)];
    let settings = || Content::SetRelays(vec![]);
    vec![
        case("roster_add_by_an_educator", &people, (2, add(3, FIELD))),
        case("roster_revoke_by_an_educator", &people, (2, revoke(1))),
        case("roster_raises_itself", &people, (2, set_role(2, ADMIN))),
        case("roster_relays_by_an_educator", &people, (2, settings())),
        case("roster_add_by_a_stranger", &people, (7, add(3, FIELD))),
        case("roster_renewal_by_a_stranger", &people, (7, renew(8))),
        case("roster_root_replaced_by_an_admin", &people, (1, replace_root(9))),
        case("roster_archive_is_no_admin", &[(1, Role::Archive)], (1, add(3, FIELD))),
        case("roster_renewal_by_the_root", &people, (0, renew(8))),
    ]
}

fn more_refusals() -> Vec<Vector> {
    let (mut revoked, heads) = Team::of(&[(1, ADMIN), (2, ADMIN)]);
    let gone = revoked.say(1, &heads, revoke(2));
    revoked.say(2, &[gone], add(3, FIELD));
    let (mut demoted, heads) = Team::of(&[(1, ADMIN), (2, ADMIN)]);
    let down = demoted.say(1, &heads, set_role(2, FIELD));
    demoted.say(2, &[down], add(3, FIELD));
    let (mut renewed, heads) = Team::of(&[(1, ADMIN)]);
    let on = renewed.say(1, &heads, renew(4));
    renewed.say(1, &[on], add(3, FIELD));
    let (mut old_root, heads) = Team::of(&[(1, ADMIN)]);
    let new = old_root.say(0, &heads, replace_root(9));
    old_root.say(0, &[new], add(3, FIELD));
    let (mut orphan, _) = Team::of(&[(1, ADMIN)]);
    orphan.say(1, &[], add(3, FIELD));
    let waits = |parent: u8| {
        let (mut team, _) = Team::of(&[(1, ADMIN)]);
        team.say(1, &[StatementHash::new([parent; 16])], add(3, FIELD));
        team.refused("roster_unknown_parent", "waits for a parent")
    };
    let with = |name: &str, content: Content, expect: &str| {
        let (mut team, heads) = Team::of(&[(1, ADMIN), (2, FIELD)]);
        team.say(1, &heads, content);
        team.refused(name, expect)
    };
    vec![
        revoked.refused("roster_add_by_a_revoked_admin", NOT_HIS),
        demoted.refused("roster_add_by_a_demoted_admin", NOT_HIS),
        renewed.refused("roster_add_by_a_renewed_key", NOT_HIS),
        old_root.refused("roster_add_by_the_old_root", NOT_HIS),
        orphan.refused("roster_no_parents", "only the first root may have no parents"),
        waits(66),
        with("roster_added_again", add(2, ADMIN), "its key was there before"),
        with("roster_root_as_a_device", add(0, FIELD), "its key was there before"),
        with("roster_renewed_to_a_known_key", renew(2), "its key was there before"),
        with("roster_revokes_nobody", revoke(7), "it names no device"),
        with("roster_role_of_nobody", set_role(7, FIELD), "it names no device"),
    ]
}
