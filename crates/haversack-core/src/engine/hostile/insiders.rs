//! What a member of ill will can try, a scenario each: to be another, to come in again, to be believed what it may not say, to fill others'
//! stores, to keep them from going on, to show each something else, to read what is not for it. Whatever it was, the honest ones come to the same
//! in the end, with all that they wrote.

use super::*;
use crate::crypto::{AadLabel, Real, message};
use crate::docs::rebuild::{self, Tip};
use crate::docs::{DocumentChanges, RawChange, ops};
use crate::members::{Content, Cut, GrantEntry, Statement, seal_grant};
use crate::model::{Day, Direction, Item, Line, Quantity, Site, SiteCode, SiteKind};
use crate::sync::body::{LaneReference, VectorEntry};
use crate::view::ContactFilter;

/// What the insider sends: to the coordinator, and to the phone.
type Sent = [Vec<Vec<u8>>; 2];

struct Scenario {
    name: &'static str,
    tries: fn(&mut Team) -> Sent,
    /// What must be so as soon as it has come.
    holds: fn(&Team) -> bool,
}

fn both(frames: Vec<Vec<u8>>) -> Sent {
    [frames.clone(), frames]
}

fn one(frame: Vec<u8>) -> Sent {
    both(vec![frame])
}

fn with(body: Body) -> Forged {
    Forged { body, ..Forged::default() }
}

/// Something that readers pass on and nobody understands: it makes bodies differ.
fn strange(n: u32) -> Body {
    Body { other: vec![(99, n.to_le_bytes().to_vec())], ..Body::default() }
}

/// Just as long as a body may be, and made of drops that are none.
fn longest(n: u8) -> Body {
    let of = |length| Body { drops: vec![vec![n; length], vec![n]], ..Body::default() };
    let mut length = 262_144;
    while of(length).encode().is_err() {
        length -= 1;
    }
    of(length)
}

fn lane(of: &Engine) -> Lane {
    of.space().unwrap().lane
}

/// That all of the phone's lane was received.
fn has_all(team: &Team) -> Vec<VectorEntry> {
    let phone = lane(&team.phone);
    let state = &team.insider.space().unwrap().lanes[&phone];
    let (next, hash) = (state.next, state.position_start());
    vec![VectorEntry { lane: LaneReference::New(phone), next, hash, quarantined: vec![] }]
}

/// That something was received of lanes that do not exist.
fn has_what_is_not(count: u32) -> Vec<VectorEntry> {
    let entry = |n: u32| {
        let name = blake3::hash(&n.to_le_bytes());
        let lane = LaneReference::New(Lane::new(name.as_bytes()[..16].try_into().unwrap()));
        VectorEntry { lane, next: 9, hash: [8; 8], quarantined: vec![] }
    };
    let mut all: Vec<_> = (0..count).map(entry).collect();
    all.sort_by_key(|entry| entry.lane);
    all
}

/// A statement of any kind with any payload, signed as it should be.
fn statement(by: &Engine, kind: u8, payload: &[u8]) -> Vec<u8> {
    let roster = &by.space().unwrap().group.roster;
    let sign = &by.device.identity.sign;
    let mut bytes = [&[kind][..], &sign.public()].concat();
    let parents = roster.parents();
    put_varint(&mut bytes, parents.len() as u64);
    parents.iter().for_each(|parent| bytes.extend_from_slice(parent.as_bytes()));
    put_blob(&mut bytes, payload);
    let signed = message(AadLabel::STATEMENT, &[roster.space().as_bytes(), &bytes]);
    bytes.extend(sign.sign(&signed));
    bytes
}

fn says(by: &Engine, content: Content) -> Vec<u8> {
    let roster = &by.space().unwrap().group.roster;
    let (sign, parents) = (&by.device.identity.sign, roster.parents());
    Statement::sign::<Real>(roster.space(), sign, parents, content, None).unwrap().bytes
}

fn in_a_body(mut statements: Vec<Vec<u8>>) -> Body {
    statements.sort_by_key(|bytes| crate::members::statement_hash(bytes));
    Body { statements, ..Body::default() }
}

/// Names for itself as a coordinator, by itself.
fn lets_in(by: &Engine) -> Vec<Vec<u8>> {
    let (key, role) = (SignKey::from_seed(&[77; 32]), Some(Role::Coordinator));
    let (device_key, kem_key) = (key.public(), [9; 32]);
    let device = by.device();
    let roster = &by.space().unwrap().group.roster;
    let (sign, parents) = (&by.device.identity.sign, roster.parents());
    let renewal =
        Content::RenewDevice { device_key: SignKey::from_seed(&[78; 32]).public(), kem_key };
    let renewed = Statement::sign::<Real>(
        roster.space(),
        sign,
        parents,
        renewal,
        Some(&SignKey::from_seed(&[78; 32])),
    );
    vec![
        says(by, Content::AddDevice { device_key, kem_key, role, may_rotate: true }),
        says(by, Content::SetRole { device, role, cut: Cut::new() }),
        renewed.unwrap().bytes,
    ]
}

/// A change of a document that starts where none can.
fn out_of_reach(by: &Engine) -> Forged {
    let author = by.author(&lane(by)).unwrap();
    let document = Document::new([6; 16]);
    let change =
        RawChange { sequence: 1, start_op: 4_000_000, dependencies: vec![], operations: vec![] };
    let documents = [DocumentChanges { document, changes: vec![change.clone()] }];
    let changes = Some(ops::encode(&author, &documents).unwrap());
    let hash = rebuild::changes(&author, vec![change], Tip::default()).unwrap()[0].hash();
    let body = Body { changes, ..Body::default() };
    Forged { tips: vec![(document, hash)], ..with(body) }
}

fn always(_: &Team) -> bool {
    true
}

fn phone_still_owes(team: &Team) -> bool {
    team.phone.owed().changes > 0
}

fn nobody_new(team: &Team) -> bool {
    let members = |engine: &Engine| engine.members().unwrap();
    let is_admin = |engine: &Engine| {
        members(engine).iter().filter(|m| m.role == Some(Role::Coordinator)).count()
    };
    [&team.admin, &team.phone].into_iter().all(|one| members(one).len() <= 3 && is_admin(one) == 1)
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "impersonation: a body at another's next place",
        tries: |team| {
            let lane = Some(lane(&team.phone));
            one(Forged { lane, ..with(strange(1)) }.frame(&team.insider))
        },
        holds: always,
    },
    Scenario {
        name: "impersonation: a lane in another's name",
        tries: |team| {
            let (lane, body) = another_lane(&team.phone, 9);
            one(Forged { lane: Some(lane), ..with(body) }.frame(&team.insider))
        },
        holds: nobody_new,
    },
    Scenario {
        name: "acknowledgement: a coordinator's, on the coordinator's lane",
        tries: |team| {
            let lane = Some(lane(&team.admin));
            let body = Body { vector: has_all(team), ..Body::default() };
            one(Forged { lane, ..with(body) }.frame(&team.insider))
        },
        holds: phone_still_owes,
    },
    Scenario {
        name: "acknowledgement: its own, which frees nobody",
        tries: |team| {
            let body = Body { vector: has_all(team), ..Body::default() };
            one(with(body).said(&mut team.insider))
        },
        holds: phone_still_owes,
    },
    Scenario {
        name: "acknowledgement: of what is not there, on lanes that are none",
        tries: |team| {
            let body = Body { vector: has_what_is_not(700), ..Body::default() };
            one(with(body).said(&mut team.insider))
        },
        holds: phone_still_owes,
    },
    Scenario {
        name: "re-admission: a removed device lets itself in, raises and renews itself",
        tries: |team| {
            team.admin.revoke(team.insider.device(), false).unwrap();
            let body = in_a_body(lets_in(&team.insider));
            one(with(body).said(&mut team.insider))
        },
        holds: nobody_new,
    },
    Scenario {
        name: "re-admission: the same, said before the others hear of the removal",
        tries: |team| {
            let body = in_a_body(lets_in(&team.insider));
            let said = with(body).said(&mut team.insider);
            team.phone.receive(std::slice::from_ref(&said), true).unwrap();
            team.admin.revoke(team.insider.device(), true).unwrap();
            one(said)
        },
        holds: nobody_new,
    },
    Scenario {
        name: "re-admission: keys of its own making, granted to everybody",
        tries: |team| {
            let secret = EpochSecret::new([8; 32]);
            let space = *team.insider.space().unwrap().space();
            let grant = |to: &Engine| {
                let kem = to.device.identity.kem.public();
                let (random, entries) =
                    (&mut ChaCha20Rng::seed_from_u64(8), [GrantEntry::Epoch(secret.clone())]);
                seal_grant::<Real>(&space, &kem, secret.id(&space), &entries, random).unwrap()
            };
            let under_it = Forged { secret: Some(secret.clone()), ..with(strange(1)) };
            let frame = under_it.frame(&team.insider);
            [vec![grant(&team.admin), frame.clone()], vec![grant(&team.phone), frame]]
        },
        holds: |team| {
            let live = |engine: &Engine| engine.space().unwrap().live.unwrap().epoch;
            let own = EpochSecret::new([8; 32]).id(team.admin.space().unwrap().space());
            live(&team.admin) == live(&team.phone) && live(&team.phone) != own
        },
    },
    Scenario {
        name: "bloat: lanes without end, after one that all know",
        tries: |team| {
            carry(&mut team.admin, &mut team.phone);
            both(lanes(&team.insider))
        },
        holds: |team| team.admin.space().unwrap().lanes.len() <= 203,
    },
    Scenario {
        name: "bloat: bodies that unpack to far more, and wait for ever",
        tries: |team| {
            let body = || Body { other: vec![(99, vec![0; 200_000])], ..Body::default() };
            let ahead = |ahead| Forged { ahead, ..with(body()) }.frame(&team.insider);
            both((2..130).map(ahead).collect())
        },
        holds: |team| {
            let raw =
                |engine: &Engine| engine.waiting.waits().map(|(_, wait, _)| wait.raw).sum::<u32>();
            raw(&team.admin) <= 16 << 20 && raw(&team.phone) <= 16 << 20
        },
    },
    Scenario {
        name: "oversized: a statement longer than any may be",
        tries: |team| {
            let body = in_a_body(vec![statement(&team.insider, 4, &[0; 4_097])]);
            one(with(body).said(&mut team.insider))
        },
        holds: nobody_new,
    },
    Scenario {
        name: "oversized: a body of just the length that one may have, of drops that are none",
        tries: |team| one(with(longest(1)).said(&mut team.insider)),
        holds: always,
    },
    Scenario {
        name: "oversized: two of these at one place",
        tries: |team| both([1, 2].map(|n| with(longest(n)).frame(&team.insider)).to_vec()),
        holds: |team| team.admin.status().unwrap().forked > 0,
    },
    Scenario {
        name: "oversized: many statements of no known kind, each as long as may be",
        tries: |team| {
            let long = |n: u8| statement(&team.insider, 200, &[n; 4_096]);
            let bodies: Vec<Body> =
                (0..8).map(|n| in_a_body((8 * n..8 * n + 8).map(long).collect())).collect();
            both(bodies.into_iter().map(|body| with(body).said(&mut team.insider)).collect())
        },
        holds: |team| team.admin.space().unwrap().group.roster.statements().count() < 20,
    },
    Scenario {
        name: "wedge: a gap on its lane that never closes",
        tries: |team| {
            let ahead = |ahead| Forged { ahead, ..with(strange(ahead)) }.frame(&team.insider);
            both((1..60).map(ahead).collect())
        },
        holds: always,
    },
    Scenario {
        name: "wedge: a change that no document can take",
        tries: |team| {
            let bad = out_of_reach(&team.insider);
            one(bad.said(&mut team.insider))
        },
        holds: always,
    },
    Scenario {
        name: "wedge: a body that follows one that nobody has",
        tries: |team| {
            let previous = Some(Position::new([9; 16]));
            one(Forged { previous, ..with(strange(1)) }.frame(&team.insider))
        },
        holds: always,
    },
    Scenario {
        name: "fork: at one place something else for each",
        tries: |team| [1, 2].map(|n| vec![with(strange(n)).frame(&team.insider)]),
        holds: always,
    },
    Scenario {
        name: "fork: a hundred branches at one place for each",
        tries: |team| {
            let branches = |from: u32| {
                (from..from + 100).map(|n| with(strange(n)).frame(&team.insider)).collect()
            };
            [branches(0), branches(1_000)]
        },
        holds: always,
    },
    Scenario {
        name: "other spaces: drops taken from, and boxes opened for, whom an educator names",
        tries: |team| {
            let root = SignKey::from_seed(&[70; 32]).public();
            let body = in_a_body(vec![says(&team.insider, Content::TakeDrops { root })]);
            one(with(body).said(&mut team.insider))
        },
        holds: |team| {
            let mut statements = team.admin.space().unwrap().group.roster.statements();
            statements.all(|statement| !statement.starts_with(&[9]))
        },
    },
];

/// Two who each write something, and hand each other files until both have said what they have.
fn honest_go_on(team: &mut Team, label: &str) {
    for member in [&mut team.admin, &mut team.phone] {
        client(member, label);
    }
    for _ in 0..3 {
        carry(&mut team.admin, &mut team.phone);
        carry(&mut team.phone, &mut team.admin);
    }
    carry(&mut team.admin, &mut team.phone);
}

fn converged(team: &mut Team, name: &str, clients: usize) {
    let expected = team.admin.canonical().unwrap();
    assert!(team.phone.canonical().unwrap() == expected, "{name}: the phone has others");
    for engine in [&mut team.admin, &mut team.phone] {
        let shown = engine.clients().unwrap();
        assert_eq!(shown.len(), clients, "{name}");
        engine.rebuild().unwrap();
        assert_eq!(engine.clients().unwrap(), shown, "{name}: rebuilt");
        assert!(engine.canonical().unwrap() == expected, "{name}: rebuilt");
        assert!(engine.quarantined().len() <= 1_024, "{name}");
    }
    assert_eq!(team.phone.owed().changes, 0, "{name}: what the phone wrote is acknowledged");
}

#[test]
fn whatever_it_is_everybody_honest_converges() {
    for Scenario { name, tries, holds } in SCENARIOS {
        for goes_first in [true, false] {
            let mut team = team();
            let mut clients = 4;
            if !goes_first {
                carry(&mut team.admin, &mut team.phone);
                clients += 2;
                client(&mut team.admin, "BEFORE");
                client(&mut team.phone, "BEFORE");
            }
            let [to_admin, to_phone] = tries(&mut team);
            team.admin.receive(&to_admin, true).unwrap();
            team.phone.receive(&to_phone, true).unwrap();
            assert!(holds(&team), "{name}: first {goes_first}");
            honest_go_on(&mut team, "AFTER");
            converged(&mut team, name, clients);
        }
    }
    assert!(SCENARIOS.len() >= 15);
}

/// What another team writes opens for nobody here, whichever way it comes; and what is written here with its lane's tag not there.
#[test]
fn a_space_that_it_is_not_in_stays_shut() {
    let mut team = team();
    let mut clinic = engine(&team._folder, "clinic", 9);
    clinic.found_space().unwrap();
    client(&mut clinic, "SHUT");
    let file = clinic.export_bundle().unwrap();
    let before = team.insider.canonical().unwrap();
    assert!(matches!(team.insider.import_bundle(&file), Err(Error::Foreign { .. })));
    let parsed = haversack_wire::bundle::decode(&file).unwrap();
    let frames: Vec<Vec<u8>> = parsed.frames.iter().map(|frame| frame.to_vec()).collect();
    let received = team.insider.receive(&frames, false).unwrap();
    assert_eq!((received.applied, team.insider.canonical().unwrap()), (0, before));
    let tag = {
        let space = clinic.space().unwrap();
        Some(space.group.generations[&space.live.unwrap().generation].lane_tag(&space.lane))
    };
    let forged = Forged { tag, ..with(strange(1)) }.frame(&team.insider);
    let before = clinic.canonical().unwrap();
    let received = clinic.receive(&[forged], false).unwrap();
    assert_eq!((received.applied, clinic.canonical().unwrap()), (0, before));
    client(&mut clinic, "AFTER");
    assert_eq!(clinic.clients().unwrap().len(), 2);
    honest_go_on(&mut team, "AFTER");
    converged(&mut team, "another team", 4);
}

/// As many lanes as one line may have, and more.
fn lanes(of: &Engine) -> Vec<Vec<u8>> {
    let lane = |n| {
        let (lane, body) = another_lane(of, n);
        Forged { lane: Some(lane), ..with(body) }.frame(of)
    };
    (0..230).map(lane).collect()
}

fn site() -> Site {
    let code = SiteCode::new("VAN").unwrap();
    Site { code, kind: SiteKind::MOBILE_VAN, setting: None, closes: None }
}

fn line() -> Line {
    Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML }
}

fn logs(by: &mut Engine) {
    let draft = ContactDraft::new(WhoDraft::default(), site().code);
    let draft = draft.line(line(), Quantity::new(5).unwrap());
    by.log(Day::from_number(3_000).unwrap(), &[draft]).unwrap();
}

fn corrects(by: &mut Engine) {
    let row = by.contacts(&ContactFilter::default()).unwrap().remove(0);
    by.correct(&row.id, &line(), Quantity::new(7).unwrap()).unwrap();
}

/// What a device would put into a file, but for what is on another one's lane.
fn file_without(from: &mut Engine, other: &Engine) -> Vec<Vec<u8>> {
    let file = from.export_bundle().unwrap();
    let space = other.space().unwrap();
    let tag = space.group.generations[&space.live.unwrap().generation].lane_tag(&space.lane);
    let parsed = haversack_wire::bundle::decode(&file).unwrap();
    let frames = parsed.frames.iter().filter(|frame| room::tag_of(frame) != Some(tag));
    frames.map(|frame| frame.to_vec()).collect()
}

/// The insider shows the phone so many lanes that it refuses the one that the coordinator knows, and builds on: before or after the phone
/// hears of that.
#[test]
fn what_one_builds_on_a_lane_that_another_refused_keeps_nothing_else_back() {
    for lanes_first in [true, false] {
        let mut team = team();
        team.admin.put_site(&site()).unwrap();
        carry(&mut team.admin, &mut team.insider);
        logs(&mut team.insider);
        carry(&mut team.insider, &mut team.admin);
        corrects(&mut team.admin);
        let built = file_without(&mut team.admin, &team.insider);
        let all = lanes(&team.insider);
        let order = if lanes_first { [&all, &built] } else { [&built, &all] };
        team.phone.receive(order[0], false).unwrap();
        assert_eq!(team.phone.status().unwrap().waiting > 0, !lanes_first);
        team.phone.receive(order[1], false).unwrap();
        honest_go_on(&mut team, "AFTER");
        let next = |engine: &Engine| engine.space().unwrap().lanes[&lane(&team.admin)].next;
        assert_eq!(next(&team.phone), next(&team.admin), "the coordinator's lane goes on");
        let (insider, mut waits) = (lane(&team.insider), team.phone.waiting.waits());
        assert!(waits.all(|(_, wait, _)| wait.lane == insider), "nobody else's work waits");
        // Its own two, and what the coordinator wrote after the correction.
        assert_eq!(team.phone.clients().unwrap().len(), 3);
        assert_eq!(team.phone.owed().changes, 0);
    }
}

/// While somebody has too many lanes here, what comes before what it builds on is put aside; it is taken back as soon as that comes.
#[test]
fn what_comes_out_of_order_beside_too_many_lanes_is_taken_back() {
    let mut team = team();
    let mut late = engine(&team._folder, "late", 6);
    join(&mut team.admin, &mut late, Role::Educator);
    team.admin.put_site(&site()).unwrap();
    carry(&mut team.admin, &mut team.phone);
    team.phone.receive(&lanes(&team.insider), true).unwrap();
    logs(&mut team.admin);
    carry(&mut team.admin, &mut late);
    corrects(&mut late);
    let early = file_without(&mut late, &team.admin);
    team.phone.receive(&early, false).unwrap();
    assert_eq!(team.phone.contact_count().unwrap(), 0, "it corrects what is not here");
    honest_go_on(&mut team, "AFTER");
    carry(&mut late, &mut team.admin);
    carry(&mut team.admin, &mut team.phone);
    assert_eq!(team.phone.contacts(&ContactFilter::default()).unwrap()[0].sets(), 7);
    converged(&mut team, "out of order", 4);
}
