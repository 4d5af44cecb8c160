//! The hash tree of a body (PROTOCOL § 2): what a signature covers, and proofs of single documents.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use haversack_wire::codec::put_varint;
use haversack_wire::hash::{Label, cut, derive, keyed};
use haversack_wire::{Document, Error, Lane, Position, Reader, Space};

use crate::crypto::{AadLabel, message};

/// 4,096 documents and leaf 0 make a tree of 13 levels.
const DEPTH_MAX: usize = 13;

/// Hashes of one space.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    key: [u8; 32],
}

/// A body's leaves, and the root above them.
#[derive(Debug, Clone)]
pub(crate) struct Leaves {
    key: [u8; 32],
    leaves: Vec<[u8; 32]>,
}

/// That a document's leaf lies under a signed root: its place, the number of leaves, the sisters on the way up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) index: u32,
    pub(crate) count: u32,
    pub(crate) sisters: Vec<[u8; 32]>,
}

/// A node of a tree: the level above the leaves, and the place in it.
type Node = (u32, u32);

/// The nodes that have to be told with some leaves, so that the root follows: level by level from the leaves up, ascending.
pub(crate) fn needed(leaves: &BTreeSet<u32>, count: u32) -> Vec<Node> {
    let (mut known, mut count, mut level) = (leaves.clone(), count, 0);
    let mut nodes = Vec::new();
    while count > 1 {
        let sisters = known.iter().map(|index| index ^ 1).filter(|sister| *sister < count);
        nodes.extend(sisters.filter(|sister| !known.contains(sister)).map(|index| (level, index)));
        known = known.into_iter().map(|index| index / 2).collect();
        (count, level) = (count.div_ceil(2), level + 1);
    }
    nodes
}

/// What several proofs of one body come to: the nodes that none of them leads through. Nothing when one lacks what it should have.
pub(crate) fn share(proofs: &[&Proof]) -> Option<Vec<[u8; 32]>> {
    let count = proofs.first()?.count;
    let told: BTreeMap<Node, [u8; 32]> = proofs
        .iter()
        .flat_map(|proof| {
            let way = needed(&[proof.index].into(), proof.count);
            way.into_iter().zip(proof.sisters.iter().copied())
        })
        .collect();
    let leaves = proofs.iter().map(|proof| proof.index).collect();
    needed(&leaves, count).iter().map(|node| told.get(node).copied()).collect()
}

impl Tree {
    /// The proof of each of some leaves, from what has to be told with them.
    pub(crate) fn unshare(
        &self,
        leaves: &BTreeMap<u32, (Document, ChangeHash)>,
        count: u32,
        told: &[[u8; 32]],
    ) -> BTreeMap<u32, Proof> {
        let indexes: BTreeSet<u32> = leaves.keys().copied().collect();
        let mut nodes: BTreeMap<Node, [u8; 32]> =
            needed(&indexes, count).into_iter().zip(told.iter().copied()).collect();
        nodes.extend(leaves.iter().map(|(index, (id, hash))| ((0, *index), self.leaf(id, hash))));
        let (mut known, mut size, mut level) = (indexes.clone(), count, 0);
        while size > 1 {
            known = known.into_iter().map(|index| index / 2).collect();
            for index in &known {
                let pair = [2 * index, 2 * index + 1].map(|child| nodes.get(&(level, child)));
                let above = match pair {
                    [Some(left), Some(right)] => join(&self.key, left, right),
                    [one, other] => one.or(other).copied().unwrap_or_default(),
                };
                nodes.insert((level + 1, *index), above);
            }
            (size, level) = (size.div_ceil(2), level + 1);
        }
        let proof = |index: u32| {
            let way = needed(&[index].into(), count);
            let sisters = way.iter().filter_map(|node| nodes.get(node).copied()).collect();
            (index, Proof { index, count, sisters })
        };
        indexes.into_iter().map(proof).collect()
    }

    pub(crate) fn new(space: &Space) -> Self {
        Self { key: derive(Label::TREE, &[space.as_bytes()]) }
    }

    /// Leaf 0 from everything that is not a document's changes, then one leaf a document, ascending.
    pub(crate) fn leaves(&self, rest: &[u8], documents: &[(Document, ChangeHash)]) -> Leaves {
        let first = keyed(&self.key, &[&[0], rest]);
        let documents = documents.iter().map(|(id, hash)| self.leaf(id, hash));
        Leaves { key: self.key, leaves: std::iter::once(first).chain(documents).collect() }
    }

    fn leaf(&self, document: &Document, hash: &ChangeHash) -> [u8; 32] {
        keyed(&self.key, &[&[1], document.as_bytes(), &hash.0])
    }

    /// `keyed(t, 0x03 ‖ lane ‖ sequence ‖ root)[..16]`: the name of what was signed at a position.
    pub(crate) fn position(&self, lane: &Lane, sequence: u32, root: &[u8; 32]) -> Position {
        let hash = keyed(&self.key, &[&[3], lane.as_bytes(), &sequence.to_le_bytes(), root]);
        Position::new(cut(hash))
    }

    /// The root that a proof leads to.
    pub(crate) fn root_of(
        &self,
        proof: &Proof,
        document: &Document,
        hash: &ChangeHash,
    ) -> [u8; 32] {
        let (mut node, mut index, mut count) =
            (self.leaf(document, hash), proof.index, proof.count);
        let mut sisters = proof.sisters.iter();
        while count > 1 {
            if index % 2 == 1 {
                node = sisters.next().map_or(node, |sister| join(&self.key, sister, &node));
            } else if index + 1 < count {
                node = sisters.next().map_or(node, |sister| join(&self.key, &node, sister));
            }
            (index, count) = (index / 2, count.div_ceil(2));
        }
        node
    }
}

impl Leaves {
    pub(crate) fn root(&self) -> [u8; 32] {
        let mut level = self.leaves.clone();
        while level.len() > 1 {
            level = above(&self.key, &level);
        }
        level.first().copied().unwrap_or_default()
    }

    /// The proof of the n-th document.
    pub(crate) fn proof(&self, document: usize) -> Proof {
        let place = document + 1;
        let mut index = place;
        let mut level = self.leaves.clone();
        let mut sisters = Vec::new();
        while level.len() > 1 {
            sisters.extend(level.get(index ^ 1).copied());
            level = above(&self.key, &level);
            index /= 2;
        }
        Proof { index: place as u32, count: self.leaves.len() as u32, sisters }
    }
}

/// The level above: pairs joined, an odd last node moved up unchanged.
fn above(key: &[u8; 32], level: &[[u8; 32]]) -> Vec<[u8; 32]> {
    level
        .chunks(2)
        .filter_map(|pair| match pair {
            [left, right] => Some(join(key, left, right)),
            [odd] => Some(*odd),
            _ => None,
        })
        .collect()
}

fn join(key: &[u8; 32], left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    keyed(key, &[&[2], left, right])
}

impl Proof {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.index.into());
        put_varint(out, self.count.into());
        put_varint(out, self.sisters.len() as u64);
        self.sisters.iter().for_each(|sister| out.extend_from_slice(sister));
    }

    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (index, count) = (r.varint_u32()?, r.varint_u32()?);
        let sisters = (0..r.count(DEPTH_MAX)?).map(|_| r.array()).collect::<Result<_, _>>()?;
        Ok(Self { index, count, sisters })
    }
}

/// What a device signs: `"haversack v1 body" ‖ 0x00 ‖ space ‖ lane ‖ sequence ‖ root`.
pub(crate) fn signed(space: &Space, lane: &Lane, sequence: u32, root: &[u8; 32]) -> Vec<u8> {
    let sequence = sequence.to_le_bytes();
    message(AadLabel::BODY, &[space.as_bytes(), lane.as_bytes(), &sequence, root])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_lead_to_the_root() {
        let tree = Tree::new(&Space::new([1; 16]));
        for count in 1..20_u8 {
            let documents: Vec<_> =
                (0..count).map(|n| (Document::new([n; 16]), ChangeHash([n; 32]))).collect();
            let leaves = tree.leaves(b"rest", &documents);
            for (n, (document, hash)) in documents.iter().enumerate() {
                let proof = leaves.proof(n);
                assert_eq!(tree.root_of(&proof, document, hash), leaves.root(), "{n} of {count}");
                assert_ne!(tree.root_of(&proof, document, &ChangeHash([99; 32])), leaves.root());
                let mut bytes = Vec::new();
                proof.encode(&mut bytes);
                assert_eq!(Proof::decode(&mut Reader::new("proof", &bytes)).unwrap(), proof);
            }
        }
    }

    #[test]
    fn proofs_that_are_shared_are_those_of_each() {
        let tree = Tree::new(&Space::new([1; 16]));
        for count in 1..20_u8 {
            let documents: Vec<_> =
                (0..count).map(|n| (Document::new([n; 16]), ChangeHash([n; 32]))).collect();
            let leaves = tree.leaves(b"rest", &documents);
            for mask in 1..(1_u32 << count.min(7)) {
                let chosen: Vec<usize> =
                    (0..count.into()).filter(|n| mask >> (n % 7) & 1 == 1).collect();
                let proofs: Vec<Proof> = chosen.iter().map(|n| leaves.proof(*n)).collect();
                let told = share(&proofs.iter().collect::<Vec<_>>()).unwrap();
                let named = chosen.iter().map(|n| (*n as u32 + 1, documents[*n])).collect();
                let opened = tree.unshare(&named, u32::from(count) + 1, &told);
                assert_eq!(opened.into_values().collect::<Vec<_>>(), proofs);
            }
            let all: Vec<Proof> = (0..count.into()).map(|n| leaves.proof(n)).collect();
            // Of all documents only leaf 0 has to be told.
            assert_eq!(share(&all.iter().collect::<Vec<_>>()).unwrap().len(), 1);
        }
    }

    #[test]
    fn everything_signed_matters() {
        let tree = Tree::new(&Space::new([1; 16]));
        let one = [(Document::new([1; 16]), ChangeHash([1; 32]))];
        let root = tree.leaves(b"rest", &one).root();
        assert_ne!(root, tree.leaves(b"Rest", &one).root());
        assert_ne!(root, tree.leaves(b"rest", &[]).root());
        assert_ne!(root, Tree::new(&Space::new([2; 16])).leaves(b"rest", &one).root());
    }
}
