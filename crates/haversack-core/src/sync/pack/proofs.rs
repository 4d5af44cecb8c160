//! What shows that parts are their authors': the signatures and the ways to what was signed, told once for all documents of a body.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use haversack_wire::codec::put_varint;
use haversack_wire::limits::{DOCUMENTS_MAX, OPERATIONS_MAX};
use haversack_wire::{Document, Error, Reader, Space};

use super::{PartProof, WHAT, step};
use crate::docs::Author;
use crate::docs::ops::Part;
use crate::docs::rebuild::{self, Tip};
use crate::sync::tree::{Proof, Tree, needed, share};

/// Something signed, and what has to be told so that its parts here lead there.
struct Signed {
    signature: [u8; 64],
    /// Leaves of its tree.
    count: u32,
    told: Vec<[u8; 32]>,
}

/// How a part says where it belongs.
struct Place {
    runs: Vec<(u32, usize)>,
    signed: usize,
    index: u32,
}

/// Whether a part can share what is told: its changes can be rebuilt whatever the reader has.
fn is_from_the_first(part: &Part) -> bool {
    part.changes.first().is_some_and(|change| change.sequence == 1)
}

/// Writes item 2.
///
/// # Errors
/// [`crate::Error::Document`] for proofs of one body that do not fit together.
pub(super) fn encode(parts: &[Part], proofs: &[PartProof]) -> Result<Vec<u8>, crate::Error> {
    let mut groups: Vec<(&PartProof, Vec<&Proof>)> = Vec::new();
    let mut places: Vec<usize> = Vec::new();
    let mut known: BTreeMap<(usize, u32, [u8; 64], u32), usize> = BTreeMap::new();
    for (part, proof) in parts.iter().zip(proofs) {
        let body = (part.author, proof.last(), proof.signature, proof.proof.count);
        let place = match is_from_the_first(part) {
            true => *known.entry(body).or_insert(groups.len()),
            false => groups.len(),
        };
        if place == groups.len() {
            groups.push((proof, Vec::new()));
        }
        groups.get_mut(place).into_iter().for_each(|(_, group)| group.push(&proof.proof));
        places.push(place);
    }
    let mut out = Vec::new();
    put_varint(&mut out, groups.len() as u64);
    for (first, group) in &groups {
        let odd = crate::Error::Document { what: "encoded: its proof is not whole" };
        let told = share(group).ok_or(odd)?;
        out.extend_from_slice(&first.signature);
        put_varint(&mut out, first.proof.count.into());
        put_varint(&mut out, told.len() as u64);
        told.iter().for_each(|hash| out.extend_from_slice(hash));
    }
    for (proof, place) in proofs.iter().zip(places) {
        put_runs(&mut out, &proof.runs);
        put_varint(&mut out, place as u64);
        put_varint(&mut out, proof.proof.index.into());
    }
    Ok(out)
}

/// Reads item 2. Where what is told leads is for the signatures to show.
///
/// # Errors
/// Whatever rule of § 3.6 is broken.
pub(super) fn decode(
    item: &[u8],
    space: &Space,
    authors: &[Author],
    parts: &[Part],
) -> Result<Vec<PartProof>, Error> {
    let mut r = Reader::new(WHAT, item);
    let count = r.count(DOCUMENTS_MAX)?;
    let all: Vec<Signed> = (0..count).map(|_| Signed::decode(&mut r)).collect::<Result<_, _>>()?;
    let places: Vec<Place> =
        parts.iter().map(|part| Place::decode(&mut r, part)).collect::<Result<_, _>>()?;
    r.end()?;
    let groups = grouped(parts, &places, all.len())?;
    let mut proofs: Vec<Option<Proof>> = vec![None; parts.len()];
    for (signed, group) in all.iter().zip(&groups) {
        let indexes: BTreeSet<u32> = group.keys().copied().collect();
        if needed(&indexes, signed.count).len() != signed.told.len()
            || !indexes.iter().all(|index| (1..signed.count).contains(index))
        {
            return Err(refused("a proof is not a way to a root"));
        }
        let each = signed.each(&Tree::new(space), authors, parts, group);
        for (index, at) in group {
            proofs.get_mut(*at).into_iter().for_each(|proof| *proof = each.get(index).cloned());
        }
    }
    let whole = places.into_iter().zip(proofs).filter_map(|(place, proof)| {
        let signature = all.get(place.signed)?.signature;
        Some(PartProof { runs: place.runs, signature, proof: proof? })
    });
    Ok(whole.collect())
}

const fn refused(rule: &'static str) -> Error {
    Error::Malformed { what: WHAT, rule }
}

/// The parts of each body, by their leaf. Bodies are in the order in which parts name them.
fn grouped(
    parts: &[Part],
    places: &[Place],
    bodies: usize,
) -> Result<Vec<BTreeMap<u32, usize>>, Error> {
    let mut groups: Vec<BTreeMap<u32, usize>> = Vec::new();
    for (at, (part, place)) in parts.iter().zip(places).enumerate() {
        if place.signed > groups.len() {
            return Err(refused("bodies are not in the order of their parts"));
        }
        if place.signed == groups.len() {
            groups.push(BTreeMap::new());
        }
        let Some(group) = groups.get_mut(place.signed) else { continue };
        let first = group.values().next().and_then(|at| Some((parts.get(*at)?, places.get(*at)?)));
        let fits = first.is_none_or(|(one, other)| {
            (one.author, other.last()) == (part.author, place.last())
                && is_from_the_first(one)
                && is_from_the_first(part)
        });
        if !fits || group.insert(place.index, at).is_some() {
            return Err(refused("parts are not of one body"));
        }
    }
    match groups.len() == bodies {
        true => Ok(groups),
        false => Err(refused("a body has no part")),
    }
}

impl Signed {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (signature, count) = (r.array()?, r.count(DOCUMENTS_MAX + 1)? as u32);
        let told = (0..r.count(DOCUMENTS_MAX + 1)?).map(|_| r.array());
        Ok(Self { signature, count, told: told.collect::<Result<_, _>>()? })
    }

    /// The proof of each part.
    fn each(
        &self,
        tree: &Tree,
        authors: &[Author],
        parts: &[Part],
        group: &BTreeMap<u32, usize>,
    ) -> BTreeMap<u32, Proof> {
        if let (Some((index, _)), 1) = (group.first_key_value(), group.len()) {
            let proof = Proof { index: *index, count: self.count, sisters: self.told.clone() };
            return [(*index, proof)].into();
        }
        let leaf = |at: &usize| leaf(authors, parts.get(*at)?);
        // A part of which nothing can be made has a leaf that leads nowhere, as have those beside it.
        let nowhere = (Document::default(), ChangeHash([0; 32]));
        let leaves = group.iter().map(|(index, at)| (*index, leaf(at).unwrap_or(nowhere)));
        tree.unshare(&leaves.collect(), self.count, &self.told)
    }
}

fn leaf(authors: &[Author], part: &Part) -> Option<(Document, ChangeHash)> {
    let author = authors.get(part.author)?;
    let changes = rebuild::changes(author, part.changes.clone(), Tip::default()).ok()?;
    Some((part.document, changes.last()?.hash()))
}

impl Place {
    fn decode(r: &mut Reader<'_>, part: &Part) -> Result<Self, Error> {
        let mut runs: Vec<(u32, usize)> = Vec::new();
        for _ in 0..r.count(OPERATIONS_MAX)? {
            let sequence = step(r, runs.last().map(|(last, _)| *last))?;
            match r.count(OPERATIONS_MAX)? {
                0 => return Err(r.malformed("a run is empty")),
                count => runs.push((sequence, count)),
            }
        }
        if runs.iter().map(|(_, count)| count).sum::<usize>() != part.changes.len() {
            return Err(r.malformed("runs do not make up their part"));
        }
        Ok(Self { runs, signed: r.count(DOCUMENTS_MAX)?, index: r.varint_u32()? })
    }

    fn last(&self) -> Option<u32> {
        self.runs.last().map(|(sequence, _)| *sequence)
    }
}

impl PartProof {
    /// The sequence at which it was signed.
    pub(crate) fn last(&self) -> u32 {
        self.runs.last().map_or(0, |(sequence, _)| *sequence)
    }
}

fn put_runs(out: &mut Vec<u8>, runs: &[(u32, usize)]) {
    put_varint(out, runs.len() as u64);
    let mut last = 0;
    for (sequence, count) in runs {
        put_varint(out, (sequence - last).into());
        put_varint(out, *count as u64);
        last = *sequence;
    }
}
