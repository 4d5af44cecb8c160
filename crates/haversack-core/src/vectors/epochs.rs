//! Epoch statements, by themselves and beside the statements and epochs that they build on.

use haversack_wire::{Epoch, EpochHash, Generation, StatementHash};

use super::cast::{Cast, flip, list, signed, varint};
use super::rosters::{Team, key, revoke};
use super::vector::Vector;
use crate::crypto::{AadLabel, EpochSecret, Real};
use crate::members::{EpochStatement, NewEpoch, Role};

const TEAM: [(u8, Role); 3] = [(1, Role::Coordinator), (2, Role::Educator), (3, Role::Educator)];

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let families = [forms(cast), firsts(), children(), answers(), broken()];
    families.into_iter().flatten().collect()
}

/// One statement, as bytes.
fn forms(cast: &Cast) -> Vec<Vector> {
    let good = cast.first_epoch();
    let vector = |name: &str, expect: &str, bytes: &[u8]| {
        Vector::new(name, "epoch statement", expect)
            .hex("space", cast.space.as_bytes())
            .hex("statement", bytes)
    };
    let make = |depth: Vec<u8>, heads: &[[u8; 16]], parents: &[[u8; 16]]| {
        let key = cast.admin.sign.public();
        let bytes = [&[8; 32][..], &depth, &list(heads), &list(parents), &key].concat();
        signed(&cast.space, &cast.admin.sign, AadLabel::EPOCH, bytes)
    };
    let many: Vec<[u8; 16]> = (0..17).map(|n| [n; 16]).collect();
    let ascending = "is not strictly ascending";
    vec![
        vector("epoch_statement", "ok", &good.bytes)
            .hex("epoch statement hash", good.hash().as_bytes())
            .hex("minter", cast.admin.sign.public()),
        vector("epoch_statement_flipped", "signature does not verify", &flip(&good.bytes, 3)),
        vector("epoch_statement_trailing", "1 bytes too many", &[&good.bytes[..], &[0]].concat()),
        vector("epoch_statement_heads_unsorted", ascending, &{
            make(varint(1), &[[2; 16], [1; 16]], &[])
        }),
        vector("epoch_statement_parents_twice", ascending, &{
            make(varint(1), &[], &[[2; 16], [2; 16]])
        }),
        vector("epoch_statement_parents_too_many", "over a maximum", &{
            make(varint(1), &[], &many)
        }),
        vector("epoch_statement_too_deep", "is deeper than epochs get", &{
            make(varint((1 << 32) + 1), &[], &[])
        }),
        vector("epoch_statement_deepest", "ok", &make(varint(1 << 32), &[], &[])),
        vector("epoch_statement_not_minimal", "varint is not minimal", &{
            make(vec![0x81, 0], &[], &[])
        }),
    ]
}

/// A team and its epochs, in order.
struct Minted {
    team: Team,
    epochs: Vec<EpochStatement>,
}

/// Who mints, which secret, of which secret's generation, how deep.
type Mint = (u8, u8, u8, u64);

impl Minted {
    fn new() -> (Self, Vec<StatementHash>) {
        let (team, heads) = Team::of(&TEAM);
        (Self { team, epochs: Vec::new() }, heads)
    }

    fn mint(
        &mut self,
        (minter, secret, generation, depth): Mint,
        heads: &[StatementHash],
        parents: &[EpochHash],
    ) -> EpochHash {
        let id = |n: u8| EpochSecret::new([n; 32]).id(&self.team.space);
        let mut parents = parents.to_vec();
        parents.sort();
        let epoch: Epoch = id(secret);
        let generation = Generation::new(id(generation).to_bytes());
        let new = NewEpoch { epoch, generation, depth, heads: heads.to_vec(), parents };
        let minted = EpochStatement::sign::<Real>(&self.team.space, new, &key(minter));
        let hash = minted.hash();
        self.epochs.push(minted);
        hash
    }

    fn vector(&self, name: &str, expect: &str) -> Vector {
        let vector = self.team.fields(Vector::new(name, "epochs", expect));
        vector.hexes("epoch", self.epochs.iter().map(|epoch| &epoch.bytes))
    }
}

fn firsts() -> Vec<Vector> {
    let case = |name: &str, expect: &str, mint: Mint| {
        let (mut minted, heads) = Minted::new();
        minted.mint(mint, &heads, &[]);
        minted.vector(name, expect)
    };
    vec![
        case("epochs_first", "ok", (1, 50, 50, 0)),
        case("epochs_first_by_an_educator", "its minter may not mint", (2, 50, 50, 0)),
        case("epochs_first_by_a_stranger", "its minter may not mint", (7, 50, 50, 0)),
        case("epochs_first_too_deep", "depth is wrong", (1, 50, 50, 1)),
        case("epochs_first_of_another_generation", "generation is wrong", (1, 50, 51, 0)),
    ]
}

/// Weekly ones.
fn children() -> Vec<Vector> {
    let case = |name: &str, expect: &str, mint: Mint| {
        let (mut minted, heads) = Minted::new();
        let first = minted.mint((1, 50, 50, 0), &heads, &[]);
        minted.mint(mint, &heads, &[first]);
        minted.vector(name, expect)
    };
    let (mut two, heads) = Minted::new();
    let first = two.mint((1, 50, 50, 0), &heads, &[]);
    let other = two.mint((1, 51, 51, 0), &heads, &[]);
    let deeper = two.mint((1, 52, 50, 1), &heads, &[first]);
    // The deeper of two parents is the better one.
    two.mint((1, 53, 50, 2), &heads, &[deeper, other]);
    vec![
        case("epochs_child", "ok", (1, 51, 50, 1)),
        case("epochs_child_not_called_for", "not called for", (2, 51, 50, 1)),
        case("epochs_child_too_shallow", "depth is wrong", (1, 51, 50, 0)),
        case("epochs_child_too_deep", "depth is wrong", (1, 51, 50, 2)),
        case("epochs_child_of_its_own_generation", "generation is wrong", (1, 51, 51, 1)),
        case("epochs_child_by_a_stranger", "its minter may not mint", (7, 51, 50, 1)),
        two.vector("epochs_child_of_two", "ok"),
    ]
}

/// Those that answer a removal.
fn answers() -> Vec<Vector> {
    let case = |name: &str, expect: &str, mint: Mint| {
        let (mut minted, heads) = Minted::new();
        let first = minted.mint((1, 50, 50, 0), &heads, &[]);
        let gone = minted.team.say(1, &heads, revoke(3));
        minted.mint(mint, &[gone], &[first]);
        minted.vector(name, expect)
    };
    let (mut twice, heads) = Minted::new();
    let first = twice.mint((1, 50, 50, 0), &heads, &[]);
    let gone = twice.team.say(1, &heads, revoke(3));
    let answer = twice.mint((2, 51, 51, 1), &[gone], &[first]);
    twice.mint((2, 52, 51, 2), &[gone], &[answer]);
    let (mut back, heads) = Minted::new();
    let first = back.mint((1, 50, 50, 0), &heads, &[]);
    let gone = back.team.say(1, &heads, revoke(3));
    let answer = back.mint((1, 51, 51, 1), &[gone], &[first]);
    back.mint((1, 52, 51, 2), &heads, &[answer]);
    vec![
        case("epochs_answer", "ok", (1, 51, 51, 1)),
        case("epochs_answer_by_an_educator", "ok", (2, 51, 51, 1)),
        case("epochs_answer_by_the_removed", "its minter may not mint", (3, 51, 51, 1)),
        case("epochs_answer_of_the_old_generation", "generation is wrong", (1, 51, 50, 1)),
        twice.vector("epochs_answered_already", "not called for"),
        back.vector("epochs_parent_has_seen_more", "a parent has a turn that it lacks"),
    ]
}

fn broken() -> Vec<Vector> {
    let (mut orphan, heads) = Minted::new();
    orphan.mint((1, 51, 50, 1), &heads, &[EpochHash::new([66; 16])]);
    let (mut unknown, _) = Minted::new();
    unknown.mint((1, 50, 50, 0), &[StatementHash::new([66; 16])], &[]);
    let (mut nothing, _) = Minted::new();
    nothing.mint((1, 50, 50, 0), &[], &[]);
    vec![
        orphan.vector("epochs_unknown_parent", "waits for a parent"),
        unknown.vector("epochs_unknown_head", "a head is not of the roster"),
        nothing.vector("epochs_no_heads", "its minter may not mint"),
    ]
}
