//! Drops (PROTOCOL § 4.1): records for a space that their author does not read.
//!
//! ```text
//! author ─► note, signed ─► drop, sealed to the other space's key ─► a body of the author's own space
//!        ─► somebody in both spaces opens it ─► carried: the note, and who its author is ─► a body of the other space
//! ```
//!
//! A note's document and its actor follow from its content: whoever carries it, and however often, it is one and the same
//! change, and nobody can say two things under one name.

use automerge::{ActorId, Automerge, Change};
use haversack_wire::codec::{bounded, put_blob, put_varint};
use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::limits::{DROP_MAX, DROPS_MAX, NOTE_MAX, PROOF_BYTES_MAX, PROOF_MAX, RAW_MAX};
use haversack_wire::{Document, Error, Reader, Space};
use rand_core::CryptoRng;

use crate::crypto::{
    AadLabel, KemSecret, Real, Sealed, SignKey, bytes, message, open_from_anyone, seal_to, verify,
};
use crate::docs::read::Record;
use crate::docs::rebuild::{self, Refusal, Tip};
use crate::docs::{Author, Dependency, DocumentChanges, ops};
use crate::members::{is_introduced, put_statements, read_statements, space_of};

const FORM: Refusal = Refusal::Broken("a note's changes are not those of one new document");
/// Plaintexts are filled up to multiples of this.
const PADDED_TO: usize = 256;

/// A drop on its way: sealed to the key of the space that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drop {
    pub(crate) target: Space,
    /// The public key that it is sealed to.
    pub(crate) key: [u8; 32],
    pub(crate) sealed: Sealed,
}

/// What an author says to another space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) device_key: [u8; 32],
    salt: [u8; 16],
    /// A changes item of one document, which is named by zeros.
    changes: Vec<u8>,
    signature: [u8; 64],
}

/// A note as somebody who is in both spaces brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Carried {
    /// The first root key of its author's space.
    pub(crate) root: [u8; 32],
    pub(crate) note: Note,
    /// Statements of that space which show who its author is.
    pub(crate) introduction: Vec<Vec<u8>>,
}

/// What a carried note adds up to.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) id: Document,
    pub(crate) changes: Vec<Change>,
}

impl Note {
    /// Signs a document that one author made from nothing.
    pub(crate) fn sign(
        (from, to): (&Space, &Space),
        signer: &SignKey,
        document: &mut Automerge,
        random: &mut dyn CryptoRng,
    ) -> Result<Self, crate::Error> {
        let mut tip = Tip::default();
        let mut raws = Vec::new();
        for change in document.get_changes(&[]) {
            raws.push(rebuild::raw(&change, tip));
            tip = Tip { sequence: change.seq(), hash: Some(change.hash()) };
        }
        let author = Author::of(document.get_actor().clone());
        let unnamed = DocumentChanges { document: Document::default(), changes: raws };
        let changes = ops::encode(&author, &[unnamed])?;
        let salt = bytes(random);
        let signature = signer.sign(&signed(from, to, &salt, &changes));
        Ok(Self { device_key: signer.public(), salt, changes, signature })
    }

    /// Whether a drop may have so much in it.
    pub(crate) const fn fits(&self) -> bool {
        self.changes.len() <= NOTE_MAX
    }

    /// Seals it for those who read the other space.
    pub(crate) fn seal(
        &self,
        (from, to): (&Space, &Space),
        key: &[u8; 32],
        random: &mut dyn CryptoRng,
    ) -> Option<Drop> {
        let mut plain = Vec::new();
        self.put(&mut plain);
        plain.resize(plain.len().next_multiple_of(PADDED_TO), 0);
        let sealed = seal_to(key, &info(to, key), from.as_bytes(), &plain, random)?;
        Some(Drop { target: *to, key: *key, sealed })
    }

    #[cfg(test)]
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.device_key);
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&self.signature);
        put_blob(out, &self.changes);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (device_key, salt, signature) = (r.array()?, r.array()?, r.array()?);
        Ok(Self { device_key, salt, signature, changes: r.blob(NOTE_MAX)?.to_vec() })
    }
}

impl Drop {
    /// Opens it with the key that it was sealed to.
    pub(crate) fn open(&self, from: &Space, secret: &KemSecret) -> Option<Result<Note, Error>> {
        let Sealed { encapsulated, ciphertext } = &self.sealed;
        let info = info(&self.target, &self.key);
        let plain = open_from_anyone(secret, encapsulated, &info, from.as_bytes(), ciphertext)?;
        let mut r = Reader::new("note", &plain);
        Some(Note::read(&mut r).and_then(|note| match r.rest() {
            _ if plain.len() % PADDED_TO != 0 => Err(r.malformed("length is wrong")),
            rest if rest.len() >= PADDED_TO => Err(r.malformed("length is wrong")),
            rest if rest.iter().any(|byte| *byte != 0) => Err(r.malformed("padding is not zero")),
            _ => Ok(note),
        }))
    }

    /// What names it in its author's space.
    pub(crate) fn id(&self) -> Document {
        let Sealed { encapsulated, ciphertext } = &self.sealed;
        let parts: [&[u8]; 4] = [self.target.as_bytes(), &self.key, encapsulated, ciphertext];
        Document::new(derive_cut(Label::DROP, &parts))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.target.to_bytes().to_vec();
        out.extend_from_slice(&self.key);
        out.extend_from_slice(&self.sealed.encapsulated);
        put_blob(&mut out, &self.sealed.ciphertext);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("drop", bytes);
        let (target, key, encapsulated) = (Space::new(r.array()?), r.array()?, r.array()?);
        let ciphertext = r.blob(DROP_MAX)?.to_vec();
        r.end()?;
        Ok(Self { target, key, sealed: Sealed { encapsulated, ciphertext } })
    }
}

impl Carried {
    /// The space that it is from.
    pub(crate) fn from(&self) -> Space {
        space_of(&self.root)
    }

    /// Checks who wrote it, and builds its document. Whether anybody takes what comes from that space is for the roster to say.
    pub(crate) fn check(&self, to: &Space) -> Result<Taken, Refusal> {
        let (from, note) = (self.from(), &self.note);
        let message = signed(&from, to, &note.salt, &note.changes);
        if !verify(&note.device_key, &message, &note.signature) {
            return Err(Refusal::Broken("a note's signature does not verify"));
        }
        match is_introduced::<Real>(&self.root, &self.introduction, &note.device_key) {
            Ok(true) => self.rebuild(to),
            _ => Err(Refusal::Broken("a note's author is not shown to be a member who may write")),
        }
    }

    /// Builds the document of one that was checked before.
    pub(crate) fn rebuild(&self, to: &Space) -> Result<Taken, Refusal> {
        let id = self.id(to);
        let author = Author::of(self.actor(to));
        let documents = ops::decode(&author, &self.note.changes).map_err(|error| match error {
            Error::Unknown { .. } => Refusal::Missing,
            _ => FORM,
        })?;
        let [one] = documents.as_slice() else { return Err(FORM) };
        let first = one.changes.first().map(|change| change.sequence);
        let mut on = one.changes.iter().flat_map(|change| &change.dependencies);
        if one.document != Document::default()
            || first != Some(1)
            || !on.all(|on| *on == Dependency::Own)
        {
            return Err(FORM);
        }
        let changes = rebuild::changes(&author, one.changes.clone(), Tip::default())?;
        let built = rebuild::apply(&Automerge::new(), &one.changes, &changes, Tip::default())?;
        match built.record {
            Record::Outing(_) => Ok(Taken { id, changes }),
            _ => Err(Refusal::Broken("a note is no outing")),
        }
    }

    /// Who its author is in its document: the same for nothing else.
    pub(crate) fn actor(&self, to: &Space) -> ActorId {
        let actor: [u8; 16] = derive_cut(Label::NOTE_ACTOR, &[self.id(to).as_bytes()]);
        ActorId::from(actor)
    }

    /// What names it in the space that it is for.
    pub(crate) fn id(&self, to: &Space) -> Document {
        let Note { device_key, salt, changes, .. } = &self.note;
        let from = self.from();
        let parts: [&[u8]; 5] = [from.as_bytes(), to.as_bytes(), device_key, salt, changes];
        Document::new(derive_cut(Label::NOTE, &parts))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.root.to_vec();
        self.note.put(&mut out);
        put_statements(&mut out, &self.introduction);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("carried drop", bytes);
        let (root, note) = (r.array()?, Note::read(&mut r)?);
        let introduction = read_statements(&mut r)?;
        bounded("introduction", introduction.len() as u64, PROOF_MAX)?;
        let bytes: usize = introduction.iter().map(Vec::len).sum();
        bounded("bytes of an introduction", bytes as u64, PROOF_BYTES_MAX)?;
        r.end()?;
        Ok(Self { root, note, introduction })
    }
}

/// Blobs of a body's item, at most [`DROPS_MAX`].
pub(crate) fn put_blobs(out: &mut Vec<u8>, blobs: &[Vec<u8>]) {
    put_varint(out, blobs.len() as u64);
    blobs.iter().for_each(|blob| put_blob(out, blob));
}

/// The other side of [`put_blobs`].
pub(crate) fn read_blobs(r: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Error> {
    (0..r.count(DROPS_MAX)?).map(|_| Ok(r.blob(RAW_MAX)?.to_vec())).collect()
}

fn info(to: &Space, key: &[u8; 32]) -> Vec<u8> {
    message(AadLabel::DROP, &[to.as_bytes(), key])
}

fn signed(from: &Space, to: &Space, salt: &[u8; 16], changes: &[u8]) -> Vec<u8> {
    message(AadLabel::NOTE, &[from.as_bytes(), to.as_bytes(), salt, changes])
}

#[cfg(test)]
mod tests;
