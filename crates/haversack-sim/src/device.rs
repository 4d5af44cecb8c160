//! A device: a store, the engine that has it open, and what is known of it from outside.

use std::collections::BTreeSet;
use std::path::Path;

use haversack_core::model::{Direction, Item, Line};
use haversack_core::{ContactFilter, Engine, Error};
use haversack_disk::{Fault, Image, with};
use haversack_wire::Lane;

use crate::dice::random;

/// What opens every store of the world.
pub(crate) const KEY: [u8; 32] = [5; 32];

/// A store put aside, and what was said to be saved in it.
#[derive(Debug, Clone)]
pub(crate) struct Backup {
    pub(crate) image: Image,
    pub(crate) saved: BTreeSet<i64>,
    pub(crate) lane: Option<Lane>,
    /// The bodies on that lane that the life went on from which it was taken.
    bodies: usize,
}

impl Backup {
    pub(crate) fn of(device: &Device) -> Self {
        let lane = device.engine.as_ref().and_then(Engine::lane_here);
        let image = with(|disk| disk.image(&device.store()));
        Self { image, saved: device.saved.clone(), lane, bodies: device.bodies_on(lane) }
    }

    /// Whether a store that was made from it has a body that its other life does not know: a disk that fails may report a commit as
    /// failed that is on it.
    pub(crate) fn has_more(&self, copy: &Device) -> bool {
        copy.bodies_on(self.lane) > self.bodies
    }
}

/// A device of the world.
#[derive(Debug)]
pub(crate) struct Device {
    /// Its number, which names its store.
    pub(crate) number: usize,
    pub(crate) engine: Option<Engine>,
    /// The device that it is a life of.
    pub(crate) id: haversack_wire::Device,
    /// Days by which its clock is wrong.
    pub(crate) clock: i64,
    /// Contacts that it said were saved.
    pub(crate) saved: BTreeSet<i64>,
    pub(crate) backup: Option<Backup>,
    /// What a planned failure of its disk comes with: a power cut, and how that falls.
    pub(crate) doom: Option<(bool, u64)>,
    /// Whether its disk failed under this process before another failure was planned.
    struck: bool,
    opened: u64,
}

/// The line by whose count a contact is known.
pub(crate) const MARKED: Line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };

impl Device {
    pub(crate) fn new(number: usize, id: haversack_wire::Device) -> Self {
        let (saved, backup, doom, struck) = Default::default();
        Self { number, engine: None, id, clock: 0, saved, backup, doom, struck, opened: 0 }
    }

    pub(crate) fn store(&self) -> String {
        store(self.number)
    }

    /// Opens the store, under a seed of its own each time.
    pub(crate) fn open(&mut self, seed: u64) -> Result<(), Error> {
        self.opened += 1;
        let random = random(seed, self.number, self.opened);
        self.engine = Some(Engine::open_below(Path::new(&self.store()), KEY, random)?);
        Ok(())
    }

    /// Ends the process without a trace; what was not synced may be lost.
    pub(crate) fn die(&mut self, power_cut: Option<u64>) {
        let store = self.store();
        with(|disk| disk.kill(&store));
        (self.engine, self.struck) = (None, false);
        with(|disk| {
            if let Some(seed) = power_cut {
                let mut dice = crate::dice::Dice::new(seed);
                disk.power_cut(&store, &mut |below| dice.below(below));
            }
            disk.mend(&store);
        });
        self.doom = None;
    }

    /// Whether the process has died of its disk.
    pub(crate) fn is_dead(&self) -> bool {
        with(|disk| disk.is_dead(&self.store()))
    }

    /// Whether the disk has failed since it was last mended: what the engine then refuses may be for an opening to put right.
    pub(crate) fn has_failed(&self) -> bool {
        self.struck || with(|disk| disk.has_struck(&self.store()))
    }

    /// Has the disk fail after so many calls.
    pub(crate) fn plan(&mut self, after: u32, fault: Fault, then: (bool, u64)) {
        self.struck |= self.has_failed();
        self.doom = Some(then);
        with(|disk| disk.plan(&self.store(), after, fault));
    }

    /// The contacts that it shows, by their counts.
    pub(crate) fn shown(&self) -> Result<BTreeSet<i64>, Error> {
        let Some(engine) = &self.engine else { return Ok(BTreeSet::new()) };
        let rows = engine.contacts(&ContactFilter::default())?;
        let mark = |row: &haversack_core::ContactRow| {
            row.lines.iter().find(|(line, _)| *line == MARKED).map(|(_, n)| i64::from(n.get()))
        };
        Ok(rows.iter().filter_map(mark).collect())
    }

    fn bodies_on(&self, lane: Option<Lane>) -> usize {
        let bodies = self.engine.as_ref().map(Engine::bodies_here).unwrap_or_default();
        bodies.iter().filter(|body| Some(body.lane) == lane).count()
    }

    /// Whether it knows that it is in no team any more.
    pub(crate) fn is_out(&self) -> bool {
        self.engine.as_ref().is_none_or(Engine::is_out)
    }

    /// Whether it knows that another device was removed.
    pub(crate) fn knows_removed(&self, id: &haversack_wire::Device) -> bool {
        let rows = self.engine.as_ref().and_then(|engine| engine.devices().ok());
        rows.unwrap_or_default().iter().any(|row| row.device == *id && row.removed)
    }
}

pub(crate) fn store(number: usize) -> String {
    format!("d{number}")
}
