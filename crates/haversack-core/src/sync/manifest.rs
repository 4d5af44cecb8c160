//! A pack's manifest: what belongs to it, signed by who made it (PROTOCOL § 3.5).

use haversack_wire::codec::{Ascending, bounded, put_varint};
use haversack_wire::limits::{HEADS_MAX, PACK_SEGMENTS_MAX};
use haversack_wire::{Error, FrameHash, Pack, Reader, Space, StatementHash};

use crate::crypto::{AadLabel, SignKey, message, verify};

const WHAT: &str = "pack manifest";

/// What belongs to a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The device key of who made it.
    pub(crate) signer: [u8; 32],
    /// What the signer had seen of the roster: ascending.
    pub(crate) heads: Vec<StatementHash>,
    /// How many documents are in it.
    pub(crate) documents: u64,
    /// Its segments' frames, in their order.
    pub(crate) segments: Vec<FrameHash>,
}

impl Manifest {
    fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut out = self.signer.to_vec();
        put_varint(&mut out, bounded("roster heads", self.heads.len() as u64, HEADS_MAX)? as u64);
        self.heads.iter().for_each(|head| out.extend_from_slice(head.as_bytes()));
        put_varint(&mut out, self.documents);
        let count = bounded("segments", self.segments.len() as u64, PACK_SEGMENTS_MAX)?;
        put_varint(&mut out, count as u64);
        self.segments.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
        Ok(out)
    }

    /// Writes it with its signature.
    ///
    /// # Errors
    /// [`Error::Limit`] over a maximum.
    pub(crate) fn sign(&self, key: &SignKey, space: &Space, pack: &Pack) -> Result<Vec<u8>, Error> {
        let mut out = self.encode()?;
        let signature = key.sign(&signed(space, pack, &out));
        out.extend_from_slice(&signature);
        Ok(out)
    }

    /// Reads a manifest whose signature is good. Whether its signer may make one is for the roster to say.
    ///
    /// # Errors
    /// Whatever rule of § 3.5 is broken.
    pub(crate) fn decode(raw: &[u8], space: &Space, pack: &Pack) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, raw);
        let signer = r.array()?;
        let (mut order, mut heads) = (Ascending::new("roster heads"), Vec::new());
        for _ in 0..r.count(HEADS_MAX)? {
            let head = StatementHash::new(r.array()?);
            order.step(head)?;
            heads.push(head);
        }
        let documents = r.varint()?;
        let count = r.count(PACK_SEGMENTS_MAX)?;
        let segments = (0..count).map(|_| r.array().map(FrameHash::new));
        let segments: Vec<FrameHash> = segments.collect::<Result<_, _>>()?;
        let distinct: std::collections::BTreeSet<_> = segments.iter().collect();
        if distinct.len() != segments.len() {
            return Err(r.malformed("a segment stands twice"));
        }
        let content = raw.get(..raw.len() - r.rest().len()).unwrap_or_default();
        let signature = r.array()?;
        let good = verify(&signer, &signed(space, pack, content), &signature);
        let refused = r.malformed("its signature is not good");
        r.end()?;
        match good {
            true => Ok(Self { signer, heads, documents, segments }),
            false => Err(refused),
        }
    }
}

fn signed(space: &Space, pack: &Pack, content: &[u8]) -> Vec<u8> {
    message(AadLabel::PACK, &[space.as_bytes(), pack.as_bytes(), content])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_of_one_signer_space_and_pack() {
        let key = SignKey::from_seed(&[1; 32]);
        let (space, pack) = (Space::new([2; 16]), Pack::new([3; 16]));
        let manifest = Manifest {
            signer: key.public(),
            heads: vec![StatementHash::new([4; 16])],
            documents: 5,
            segments: vec![FrameHash::new([9; 16]), FrameHash::new([6; 16])],
        };
        let raw = manifest.sign(&key, &space, &pack).unwrap();
        assert_eq!(Manifest::decode(&raw, &space, &pack).as_ref(), Ok(&manifest));
        assert!(Manifest::decode(&raw, &Space::new([9; 16]), &pack).is_err());
        assert!(Manifest::decode(&raw, &space, &Pack::new([9; 16])).is_err());
        let other = SignKey::from_seed(&[7; 32]);
        assert!(
            Manifest::decode(&manifest.sign(&other, &space, &pack).unwrap(), &space, &pack)
                .is_err()
        );
        (0..raw.len())
            .for_each(|end| assert!(Manifest::decode(&raw[..end], &space, &pack).is_err()));
        let twice = Manifest { segments: vec![FrameHash::new([9; 16]); 2], ..manifest };
        assert!(
            Manifest::decode(&twice.sign(&key, &space, &pack).unwrap(), &space, &pack).is_err()
        );
    }
}
