//! What befalls stores.

use haversack_disk::with;

use crate::act::Failure;
use crate::checkers;
use crate::device::{Backup, Device, store};
use crate::disk::lies_at;
use crate::finding::Finding;
use crate::world::{DEVICES_MAX, World, unexpected};

/// Places that are nobody's first.
const ELSEWHERE: u64 = 1_000;

impl World {
    pub(super) fn end(&mut self, number: usize, power: bool, dice: u64) -> Result<(), Finding> {
        self.say(&format!("device {number} dies{}", if power { ", without power" } else { "" }));
        self.crash(number, power.then_some(dice))
    }

    pub(super) fn doom(
        &mut self,
        number: usize,
        (after, fault): (u8, Failure),
        then: (bool, u64),
    ) -> Result<(), Finding> {
        self.say(&format!("device {number} will fail after {after} calls: {fault:?}"));
        if let Some(device) = self.devices.get_mut(number) {
            device.plan(after.into(), fault.into(), then);
        }
        Ok(())
    }

    pub(super) fn close(&mut self, number: usize) -> Result<(), Finding> {
        self.say(&format!("device {number} closes"));
        let engine = self.devices.get_mut(number).and_then(|device| device.engine.take());
        // What fails here was of no use but for speed.
        let _ = engine.map(haversack_core::Engine::close);
        self.revive(number)
    }

    pub(super) fn back_up(&mut self, number: usize) -> Result<(), Finding> {
        self.say(&format!("device {number} is backed up"));
        if let Some(device) = self.devices.get_mut(number) {
            device.backup = Some(Backup::of(device));
        }
        Ok(())
    }

    pub(super) fn restore(&mut self, number: usize, noticed: bool) -> Result<(), Finding> {
        let Some(device) = self.devices.get_mut(number) else { return Ok(()) };
        let Some(backup) = device.backup.clone() else { return Ok(()) };
        // What it had of others is lost with it as well.
        let shown = device.shown().or_else(|error| unexpected("reading", &error))?;
        let had: Vec<i64> = device.saved.union(&shown).copied().collect();
        device.die(None);
        device.saved.clone_from(&backup.saved);
        with(|disk| disk.restore(&store(number), &backup.image));
        self.lies_elsewhere(number, noticed);
        self.model.put_back = true;
        self.relays.iter_mut().for_each(|relay| relay.untell(number));
        self.say(&format!("device {number} is put back, noticed: {noticed}"));
        let seed = self.seed;
        let device = self.devices.get_mut(number);
        let opened = device.map(|device| device.open(seed));
        opened.unwrap_or(Ok(())).or_else(|error| unexpected("a copy that was put back", &error))?;
        self.excuse(&had)?;
        self.note_copy(number, &backup, noticed);
        checkers::saved_here(self, number)
    }

    pub(super) fn clone_device(&mut self, number: usize, noticed: bool) -> Result<(), Finding> {
        let new = self.devices.len();
        let Some(device) = self.devices.get(number).filter(|_| new < DEVICES_MAX) else {
            return Ok(());
        };
        let backup = Backup::of(device);
        let mut other = Device::new(new, device.id);
        other.saved.clone_from(&backup.saved);
        other.clock = device.clock;
        with(|disk| disk.restore(&store(new), &backup.image));
        self.devices.push(other);
        lies_at(&store(new), number as u64);
        self.lies_elsewhere(new, noticed);
        self.say(&format!("device {number} is copied to {new}, noticed: {noticed}"));
        let (seed, device) = (self.seed, self.devices.get_mut(new));
        let opened = device.map(|device| device.open(seed));
        opened.unwrap_or(Ok(())).or_else(|error| unexpected("a copy", &error))?;
        self.note_copy(new, &backup, noticed);
        Ok(())
    }

    /// What a store had may be gone, unless somebody has it.
    fn excuse(&mut self, had: &[i64]) -> Result<(), Finding> {
        let mut elsewhere = std::collections::BTreeSet::new();
        for device in &self.devices {
            let shown = device.shown().or_else(|error| unexpected("reading", &error))?;
            elsewhere.extend(shown);
        }
        self.model.excused.extend(had.iter().filter(|mark| !elsewhere.contains(mark)));
        Ok(())
    }

    fn lies_elsewhere(&self, number: usize, noticed: bool) {
        if noticed {
            lies_at(&store(number), ELSEWHERE + self.trace.lines().len() as u64);
        }
    }

    /// A copy that does not notice writes where another has written. One that knows less may vouch for what others do not.
    fn note_copy(&mut self, number: usize, backup: &Backup, noticed: bool) {
        self.model.too_late.clear();
        if !noticed || self.devices.get(number).is_some_and(|copy| backup.has_more(copy)) {
            self.model.forked.extend(backup.lane);
        }
    }
}
