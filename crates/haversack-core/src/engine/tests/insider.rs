//! A member of ill will, whose device is a program without scruples: what it forges is refused by everybody, in any order.

use rand_chacha::rand_core::Rng;

use super::*;
use crate::members::{Content, Cut, Statement, actor, lane as lane_of};
use crate::model::{Site, SiteCode, SiteKind};
use crate::sync::body::{LaneReference, Opening, VectorEntry};

/// Orders in which the frames come.
const ORDERS: u64 = 12;

/// A coordinator, two phones and the insider, who have each said something that all have read.
struct Cast {
    folder: TempDir,
    admin: Engine,
    phone: Engine,
    other: Engine,
    insider: Engine,
}

fn cast() -> Cast {
    let folder = TempDir::new().unwrap();
    let [mut admin, phone, other, insider] =
        [("admin", 1), ("phone", 2), ("other", 3), ("insider", 4)]
            .map(|(name, seed)| engine(&folder, name, seed));
    admin.found_space().unwrap();
    let mut cast = Cast { folder, admin, phone, other, insider };
    for n in 1..4 {
        let request = cast.all()[n].request_to_join().unwrap();
        let (answer, _) = cast.admin.invite(&request, Role::Educator, &[]).unwrap();
        cast.all()[n].join(&answer).unwrap();
    }
    for n in 0..4 {
        client(cast.all()[n], &format!("K-{n}"));
    }
    cast.meet();
    cast.meet();
    cast
}

impl Cast {
    fn all(&mut self) -> [&mut Engine; 4] {
        [&mut self.admin, &mut self.phone, &mut self.other, &mut self.insider]
    }

    /// Everybody hands everybody a file.
    fn meet(&mut self) {
        for n in 0..4 {
            let bundle = self.all()[n].export_bundle().unwrap();
            self.all().into_iter().for_each(|one| drop(one.import_bundle(&bundle)));
        }
    }
}

/// A body at any place of any lane, signed by whoever it is.
fn forge(
    by: &mut Engine,
    (lane, sequence): (Lane, u32),
    body: Body,
    tips: &[(Document, automerge::ChangeHash)],
) -> Vec<u8> {
    let space = by.space().unwrap().clone();
    let body = Body { lane, ..body };
    let encoded = body.encode().unwrap();
    let root = tree::Tree::new(space.space()).leaves(&encoded.rest, tips).root();
    let message = tree::signed(space.space(), &lane, sequence, &root);
    let signature = by.device.identity.sign.sign(&message);
    seal_at(by, (lane, sequence), &[&encoded.bytes[..], &signature].concat())
}

/// Seals a body, whoever signed it, at any place of any lane.
fn seal_at(by: &mut Engine, (lane, sequence): (Lane, u32), raw: &[u8]) -> Vec<u8> {
    let space = by.space().unwrap().clone();
    let live = space.live.unwrap();
    let secret = by.ring.epochs()[&live.epoch].clone();
    let tag = space.group.generations[&live.generation].lane_tag(&lane);
    let key = (&secret, &live.epoch);
    chunk::seal(key, space.space(), (tag, sequence), raw, &mut *by.random).unwrap()
}

/// The last body of a device, as it was signed.
fn last_body(of: &Engine) -> Vec<u8> {
    let kept = of.bodies.last_key_value().unwrap().1.row;
    let row = of.db.row(crate::store::Table::Bodies, &of.outbox_key().unwrap(), kept).unwrap();
    kept::KeptBody::decode(&row.unwrap()).unwrap().raw
}

/// Where a lane goes on, as a device knows it.
fn next_of(engine: &Engine, lane: Lane) -> (u32, haversack_wire::Position) {
    let state = &engine.space().unwrap().lanes[&lane];
    (state.next, state.position)
}

fn lane(engine: &Engine) -> Lane {
    engine.space().unwrap().lane
}

/// That the insider has all of a lane.
fn acknowledges(by: &Engine, lane: Lane) -> VectorEntry {
    let state = &by.space().unwrap().lanes[&lane];
    let (next, hash) = (state.next, state.position_start());
    VectorEntry { lane: LaneReference::New(lane), next, hash, quarantined: vec![] }
}

/// A site in the registry, written past the engine's own check of its role.
fn writes_a_site(by: &mut Engine) {
    let id = documents::registry(by.space().unwrap().space());
    let code = SiteCode::new("EVIL").unwrap();
    let site = Site { code, kind: SiteKind::MOBILE_VAN, setting: None, closes: None };
    writes(by, id, |tx| {
        let entry = crate::docs::schema::SiteEntry(&site);
        autosurgeon::reconcile_prop(tx, automerge::ROOT, entry.key().as_str(), entry).unwrap();
    });
}

/// Statements that are not the insider's to make, in a body that is.
fn says_what_is_not_its_to_say(insider: &mut Engine, victim: &[u8; 32]) {
    let space = insider.space().unwrap().clone();
    let device = crate::members::device(victim);
    let key = crate::crypto::SignKey::from_seed(&[7; 32]).public();
    let kem_key = insider.device.identity.kem.public();
    let role = Some(Role::Coordinator);
    let contents = [
        Content::Revoke { device, cut: Cut::new() },
        Content::SetRole { device: insider.device(), role, cut: Cut::new() },
        Content::AddDevice { device_key: key, kem_key, role, may_rotate: true },
        Content::ReplaceRoot { root: key },
        Content::SetRelays(vec![]),
    ];
    let parents = space.group.roster.parents();
    let sign = insider.device.identity.sign.clone();
    let say = |content| {
        let parents = parents.clone();
        Statement::sign::<crate::crypto::Real>(space.space(), &sign, parents, content, None)
    };
    let said = contents.into_iter().map(|content| say(content).unwrap().bytes);
    let unsent = &mut insider.space.as_mut().unwrap().unsent;
    unsent.extend(said);
    unsent.sort_by_key(|bytes| crate::members::statement_hash(bytes));
    writes_a_site(insider);
    insider.close_unsent().unwrap();
}

/// Everything that the insider can think of; of its own lane the frames that come before are among them.
fn forgeries(cast: &mut Cast) -> Vec<Vec<u8>> {
    let (victim, admin, own) = (lane(&cast.phone), lane(&cast.admin), lane(&cast.insider));
    let stolen = last_body(&cast.phone);
    let insider = &mut cast.insider;
    let space = insider.space().unwrap().clone();
    let mut forged = Vec::new();

    // Another's place, and the place after it.
    let (next, previous) = next_of(insider, victim);
    for sequence in [next, next + 1] {
        let body = Body { previous, ..Body::default() };
        forged.push(forge(insider, (victim, sequence), body, &[]));
    }
    // A coordinator's word that it has everything.
    let (next, previous) = next_of(insider, admin);
    let vector = vec![acknowledges(insider, victim)];
    forged.push(forge(insider, (admin, next), Body { previous, vector, ..Body::default() }, &[]));
    // A lane in another's name.
    let incarnation = haversack_wire::Incarnation::new([5; 8]);
    let device_key = space.lanes[&victim].device_key;
    let named = lane_of(space.space(), &device_key, incarnation);
    let opening = Some(Opening { device_key, incarnation });
    let heads = Some(space.group.roster.heads());
    forged.push(forge(insider, (named, 0), Body { opening, heads, ..Body::default() }, &[]));
    // A lane whose name is not that of its opening.
    let elsewhere = Lane::new([9; 16]);
    let opening = Some(Opening { device_key: insider.device.identity.sign.public(), incarnation });
    let heads = Some(space.group.roster.heads());
    forged.push(forge(insider, (elsewhere, 0), Body { opening, heads, ..Body::default() }, &[]));

    // On its own lane: another's changes as if they were that other's; what had seen less than what came before; a gap.
    let (next, previous) = next_of(insider, own);
    let (theirs, _, _) = Body::decode(&stolen).unwrap();
    let id = actor(space.space(), &device_key, space.lanes[&victim].incarnation);
    let item = theirs.changes.unwrap();
    let tips: Vec<_> = ops::decode(&Author::new(&id), &item)
        .unwrap()
        .into_iter()
        .map(|part| (part.document, insider.index.tip(&part.document, &victim).hash.unwrap()))
        .collect();
    let body = Body { previous, changes: Some(item), ..Body::default() };
    forged.push(forge(insider, (own, next), body, &tips));
    let first = space.group.roster.statements().map(crate::members::statement_hash);
    let first = first.min_by_key(|hash| space.group.roster.past(&[*hash]).unwrap().iter().count());
    let body = Body { previous, heads: Some(vec![first.unwrap()]), ..Body::default() };
    forged.push(forge(insider, (own, next), body, &[]));
    let body = Body { previous, ..Body::default() };
    forged.push(forge(insider, (own, next + 40), body, &[]));

    says_what_is_not_its_to_say(insider, &device_key);
    let place = (own, next);
    forged.push(seal_at(insider, place, &last_body(insider)));
    forged
}

/// Some frames, in an order that is drawn, some of them twice, a few at a time.
fn deliver(to: &mut Engine, frames: &[Vec<u8>], dice: &mut ChaCha20Rng) {
    let mut below = |n: usize| (dice.next_u64() % n.max(1) as u64) as usize;
    let mut left: Vec<&Vec<u8>> = frames.iter().chain(&frames[..below(frames.len())]).collect();
    while !left.is_empty() {
        let few =
            (0..1 + below(4).min(left.len() - 1)).map(|_| left.swap_remove(below(left.len())));
        let batch: Vec<Vec<u8>> = few.cloned().collect();
        to.receive(&batch, false).unwrap();
    }
}

fn frames_of(engine: &mut Engine) -> Vec<Vec<u8>> {
    let bundle = engine.export_bundle().unwrap();
    let frames = haversack_wire::bundle::decode(&bundle).unwrap().frames;
    frames.into_iter().map(<[u8]>::to_vec).collect()
}

#[test]
fn what_an_insider_forges_is_refused_by_everybody_in_any_order() {
    for order in 0..ORDERS {
        let dice = &mut ChaCha20Rng::seed_from_u64(order);
        let mut cast = cast();
        let mut frames = forgeries(&mut cast);
        // The others go on, at the very places that were forged.
        for (n, label) in [(0, "ADMIN"), (1, "PHONE"), (2, "OTHER")] {
            client(cast.all()[n], label);
            frames.extend(frames_of(cast.all()[n]));
        }
        for n in 0..3 {
            deliver(cast.all()[n], &frames, dice);
        }
        let expected = cast.admin.canonical().unwrap();
        let lanes = [&cast.admin, &cast.phone, &cast.other].map(lane);
        for n in 0..3 {
            let one = &mut *cast.all()[n];
            assert_eq!(one.clients().unwrap().len(), 7, "order {order}, {n}");
            assert_eq!(one.canonical().unwrap(), expected, "order {order}, {n}");
            assert!(one.sites().unwrap().is_empty(), "no role writes where it may not");
            assert_eq!(one.members().unwrap().len(), 4);
            let roles =
                one.members().unwrap().into_iter().filter(|m| m.role.is_some_and(Role::is_admin));
            assert_eq!(roles.count(), 1);
            assert!(one.relays().unwrap().is_empty());
            let known = &one.space().unwrap().lanes;
            assert_eq!(known.len(), 4, "no lane in another's name");
            assert!(lanes.iter().all(|lane| known[lane].quarantined.is_empty()));
        }
        drop(cast.folder);
    }
}

#[test]
fn an_acknowledgement_is_its_signer_s_alone() {
    for order in 0..ORDERS {
        let dice = &mut ChaCha20Rng::seed_from_u64(order);
        let mut cast = cast();
        client(&mut cast.phone, "NEW");
        let own = frames_of(&mut cast.phone);
        cast.admin.receive(&own, false).unwrap();
        cast.insider.receive(&own, false).unwrap();
        cast.admin.space.as_mut().unwrap().owes_word = true;
        cast.admin.close_unsent().unwrap();
        let word = last_body(&cast.admin);
        let (admin, phone) = (lane(&cast.admin), lane(&cast.phone));
        let (next, previous) = next_of(&cast.insider, admin);
        let (victims, _) = next_of(&cast.phone, phone);
        let is_free = |phone: &Engine| {
            let all = incoming::acknowledged(phone.space().unwrap(), &phone.bodies);
            all.contains(&(victims - 1))
        };

        // As the coordinator, as itself, and the coordinator's very word at other places than its own.
        let own_lane = lane(&cast.insider);
        let (mine, before) = next_of(&cast.insider, own_lane);
        let vector = vec![acknowledges(&cast.insider, phone)];
        let as_admin = Body { previous, vector: vector.clone(), ..Body::default() };
        let as_itself = Body { previous: before, vector, ..Body::default() };
        let insider = &mut cast.insider;
        let forged = [
            forge(insider, (admin, next), as_admin, &[]),
            forge(insider, (own_lane, mine), as_itself, &[]),
            seal_at(insider, (admin, next + 1), &word),
            seal_at(insider, (own_lane, next + 2), &word),
            seal_at(insider, (own_lane, next), &word),
        ];
        let (wrong, moved) = forged.split_at(4);
        deliver(&mut cast.phone, wrong, dice);
        assert!(!is_free(&cast.phone), "order {order}");

        // Sealed anew by whoever it is, at its place, it is the coordinator's word all the same: body and place are signed.
        let again = seal_at(&mut cast.insider, (admin, next), &word);
        deliver(&mut cast.phone, &[&[again], wrong, moved].concat(), dice);
        assert!(is_free(&cast.phone), "order {order}");
    }
}
