//! A member without scruples, with all the keys that a member has, against engines that keep to the rules.

mod insiders;
mod limits;
mod refused;
mod rivals;
mod rosters;
mod routes;

use haversack_wire::codec::{put_blob, put_varint};
use haversack_wire::{Epoch, Incarnation, LaneTag, Position};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::tests::{carry, client, engine, join};
use super::*;
use crate::Passphrase;
use crate::crypto::{EpochSecret, SignKey};
use crate::members::Role;
use crate::sync::body::{Body, Opening};
use crate::sync::{chunk, tree};

/// A coordinator, an educator, and an educator without scruples; each has what the coordinator had said.
struct Team {
    _folder: TempDir,
    admin: Engine,
    phone: Engine,
    insider: Engine,
}

fn team() -> Team {
    let folder = TempDir::new().unwrap();
    let names = [("admin", 1), ("phone", 2), ("insider", 3)];
    let [mut admin, mut phone, mut insider] = names.map(|(name, seed)| engine(&folder, name, seed));
    admin.found_space().unwrap();
    join(&mut admin, &mut phone, Role::Educator);
    join(&mut admin, &mut insider, Role::Educator);
    for member in [&mut phone, &mut insider] {
        carry(&mut admin, member);
        client(member, "FIRST");
        carry(member, &mut admin);
    }
    assert_eq!(admin.clients().unwrap().len(), 2);
    Team { _folder: folder, admin, phone, insider }
}

/// A body, and where it deviates from how a member would send it.
#[derive(Default)]
pub(super) struct Forged {
    body: Body,
    tips: Vec<(Document, automerge::ChangeHash)>,
    /// Another lane than the member's own, and who signs.
    lane: Option<Lane>,
    signer: Option<SignKey>,
    /// How far beyond the lane's next place.
    ahead: u32,
    previous: Option<Position>,
    tag: Option<LaneTag>,
    secret: Option<EpochSecret>,
    /// Whether it is packed as densely as can be, and not as everybody does.
    is_dense: bool,
}

impl Forged {
    pub(super) fn of(body: Body) -> Self {
        Self { body, ..Self::default() }
    }

    pub(super) fn frame(&self, by: &Engine) -> Vec<u8> {
        let space = by.space().unwrap();
        let lane = self.lane.unwrap_or(space.lane);
        let known = space.lanes.get(&lane);
        let previous = self.previous.or(known.map(|lane| lane.position)).unwrap_or_default();
        let sequence = known.map_or(0, |lane| lane.next) + self.ahead;
        let body = Body { lane, previous, ..self.body.clone() };
        let encoded = body.encode().unwrap();
        let root = tree::Tree::new(space.space()).leaves(&encoded.rest, &self.tips).root();
        let message = tree::signed(space.space(), &lane, sequence, &root);
        let signer = self.signer.clone().unwrap_or(by.device.identity.sign.clone());
        let raw = [&encoded.bytes[..], &signer.sign(&message)].concat();
        let live = space.live.unwrap();
        let secret = self.secret.clone().unwrap_or(by.ring.epochs()[&live.epoch].clone());
        let tag = self.tag.unwrap_or(space.group.generations[&live.generation].lane_tag(&lane));
        let random = &mut ChaCha20Rng::seed_from_u64(u64::from(sequence));
        let (epoch, place) = ((&secret, &secret.id(space.space())), (tag, sequence));
        match self.is_dense {
            true => chunk::seal_plain(epoch, space.space(), place, &dense(&raw), random),
            false => chunk::seal(epoch, space.space(), place, &raw, random).unwrap(),
        }
    }

    /// The same, as something that its author goes on from.
    pub(super) fn said(&self, by: &mut Engine) -> Vec<u8> {
        let frame = self.frame(by);
        let mut space = by.space().unwrap().clone();
        let lane = space.lane;
        let body = Body { lane, previous: space.lanes[&lane].position, ..self.body.clone() };
        let encoded = body.encode().unwrap();
        let root = tree::Tree::new(space.space()).leaves(&encoded.rest, &self.tips).root();
        let sequence = space.lanes[&lane].next;
        outgoing::advance(&mut space, &body, sequence, &root);
        by.commit(documents::Staged { space: Some(space), ..Default::default() }).unwrap();
        frame
    }
}

/// An envelope that holds as much as one can.
fn dense(raw: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(22).unwrap();
    compressor.set_parameter(zstd::zstd_safe::CParameter::ContentSizeFlag(false)).unwrap();
    let packed = compressor.compress(raw).unwrap();
    let mut plain = vec![0];
    put_varint(&mut plain, raw.len() as u64);
    put_blob(&mut plain, &packed[4..]);
    plain
}

/// A lane of a member's own, beside its own, and what opens it.
fn another_lane(of: &Engine, n: u32) -> (Lane, Body) {
    let space = of.space().unwrap();
    let device_key = of.device.identity.sign.public();
    let bytes = u64::from(n).to_le_bytes();
    let opening = Opening { device_key, incarnation: Incarnation::new(bytes) };
    let lane = crate::members::lane(space.space(), &device_key, opening.incarnation);
    let heads = Some(space.group.roster.heads());
    (lane, Body { heads, opening: Some(opening), ..Body::default() })
}
