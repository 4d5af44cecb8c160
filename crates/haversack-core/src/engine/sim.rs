//! What the simulator does with an engine, and sees of it.

use std::collections::BTreeSet;
use std::path::Path;

use haversack_wire::{Lane, LaneTag};

use super::Engine;
use super::incoming::acknowledged;
use super::outgoing::Load;
use super::state::LaneState;
use super::write::ContactDraft;
use crate::Error;
use crate::crypto::{Random, VaultKey};
use crate::docs::DocumentChanges;
use crate::model::Day;
use crate::sim::{BodyAt, ChangeAt};
use crate::store::{HeaderFiles, Lock, Vault};

impl Engine {
    /// Makes a store that opens with a key in place of a passphrase.
    ///
    /// # Errors
    /// The errors of saving.
    pub fn create_below(folder: &Path, key: [u8; 32], mut random: Random) -> Result<Self, Error> {
        let files = HeaderFiles::in_folder(folder);
        let vault = Vault::make_inner(files, VaultKey::new(key), &mut *random);
        let mut engine = Self::fill(folder, Lock::take(folder)?, vault, random)?;
        engine.vault.write_new(&mut *engine.random)?;
        Ok(engine)
    }

    /// Opens a store that was made so.
    ///
    /// # Errors
    /// As [`Engine::open_with`], passphrases aside.
    pub fn open_below(folder: &Path, key: [u8; 32], random: Random) -> Result<Self, Error> {
        let files = HeaderFiles::in_folder(folder);
        let vault = Vault::open_inner(files, VaultKey::new(key))?;
        Self::open_database(folder, Lock::take(folder)?, vault, random)
    }

    /// The bodies in the log.
    #[must_use]
    pub fn bodies_here(&self) -> Vec<BodyAt> {
        let mut all = Vec::new();
        for (lane, bodies) in self.index.all_bodies() {
            let spine = bodies.spine.iter().map(|(sequence, (_, mark))| (*sequence, mark, false));
            let rivals =
                bodies.rivals.iter().map(|((sequence, _), (_, mark))| (*sequence, mark, true));
            let body = |(sequence, mark, rival): (u32, &super::log::Mark, bool)| BodyAt {
                lane: *lane,
                sequence,
                position: mark.position,
                rival,
            };
            all.extend(spine.chain(rivals).map(body));
        }
        all
    }

    /// The lanes, and the first sequence of each that is not applied.
    #[must_use]
    pub fn lanes_here(&self) -> Vec<(Lane, u32)> {
        let lanes = self.space.iter().flat_map(|space| &space.lanes);
        lanes.map(|(id, lane)| (*id, lane.next)).collect()
    }

    /// Whether something came by a pack, or may have.
    #[must_use]
    pub fn has_met_packs(&self) -> bool {
        let Some(space) = &self.space else { return false };
        let came = |lane: &LaneState| lane.packed.is_some() || !lane.told.is_empty();
        space.lanes.values().any(came) || space.packs.has_taken(&space.group.packs)
    }

    /// The last change of every row of the log that is believed.
    #[must_use]
    pub fn changes_here(&self) -> Vec<ChangeAt> {
        let rows = self.index.documents().flat_map(|(_, entry)| &entry.rows);
        let changes = rows.filter(|row| row.head.kind == super::log::RowKind::Changes);
        changes
            .filter_map(|row| {
                let (document, lane) = (row.head.document, row.head.lane);
                let (sequence, hash) = (row.head.tip.sequence, row.head.tip.hash?.0);
                Some(ChangeAt { document, lane, sequence, hash })
            })
            .collect()
    }

    /// Where this device's changes lie that are shown as acknowledged, and the bodies that it lets go of as such: each by its
    /// lane, its sequence and the start of its position. What is in no body is at the last sequence.
    #[must_use]
    pub fn acknowledged_here(&self) -> Vec<(Lane, u32, [u8; 8])> {
        let Some(space) = &self.space else { return Vec::new() };
        let mine = acknowledged(space, &self.bodies).into_iter();
        let named = |n: u32| self.bodies.get(&n).map(|kept| (space.lane, n, kept.position));
        mine.filter_map(named).chain(self.shown_as_acknowledged()).collect()
    }

    /// Whether a document was let go that is to be had from others.
    #[must_use]
    pub fn lacks_files(&self) -> bool {
        self.has_let_go()
    }

    /// Whether a key that is held here opens a frame.
    #[must_use]
    pub fn opens(&self, frame: &[u8]) -> bool {
        self.is_ours(frame)
    }

    /// The tags of this device's present lane, in every generation that is known here.
    #[must_use]
    pub fn own_tags(&self) -> BTreeSet<LaneTag> {
        let Some(space) = &self.space else { return BTreeSet::new() };
        space.group.generations.values().map(|secret| secret.lane_tag(&space.lane)).collect()
    }

    /// Whether it knows that it is in no team any more.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.still_member().is_err()
    }

    /// This device's present lane.
    #[must_use]
    pub fn lane_here(&self) -> Option<Lane> {
        self.space.as_ref().map(|space| space.lane)
    }

    /// What an insider forges: the next body of another member's lane, with these contacts, in that member's name, but signed
    /// by this device. Nothing of it is kept here.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Unknown`] when no other lane is known.
    pub fn forge(
        &mut self,
        nth: usize,
        day: Day,
        drafts: &[ContactDraft],
    ) -> Result<Vec<u8>, Error> {
        let space = self.space()?.clone();
        // On a lane of its own key, as a copied store has, what it signs is no forgery.
        let own = space.lanes.get(&space.lane).map(|own| own.device_key);
        let is_other = |lane: &LaneState| own != Some(lane.device_key) && lane.next > 0;
        let others = space.lanes.iter().filter(|(_, lane)| is_other(lane));
        let others: Vec<Lane> = others.map(|(id, _)| *id).collect();
        let victim = others.get(nth % others.len().max(1)).copied();
        let victim = victim.ok_or(Error::Unknown { what: "lane" })?;
        let contacts = self.contacts_of(day, drafts)?;
        let (before, mut forged) = (self.space.clone(), space);
        forged.lane = victim;
        self.space = Some(forged.clone());
        let frame = self.forged(&forged, day, &contacts);
        self.space = before;
        frame
    }

    fn forged(
        &mut self,
        space: &super::state::SpaceState,
        day: Day,
        contacts: &[crate::model::Contact],
    ) -> Result<Vec<u8>, Error> {
        let author = self.author(&space.lane)?;
        let outing = haversack_wire::Document::new(crate::crypto::bytes(&mut *self.random));
        let mut document = automerge::Automerge::new();
        document.set_actor(author.id().clone());
        super::write::put_outing(&mut document, day, contacts)?;
        let made = document.get_last_local_change().ok_or(Error::Document { what: "forged" })?;
        let raw = crate::docs::rebuild::raw(&made, Default::default());
        let changes = DocumentChanges { document: outing, changes: vec![raw] };
        let load = Load { documents: vec![(changes, made.hash())], ..Load::default() };
        Ok(self.sign_body(space, &author, &load, Vec::new())?.frame)
    }
}
