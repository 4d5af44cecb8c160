//! What befalls the team.

use std::path::Path;

use haversack_core::model::Day;
use haversack_core::{Engine, Role};

use crate::device::{Device, KEY, store};
use crate::dice::random;
use crate::disk::lies_at;
use crate::finding::Finding;
use crate::world::{DEVICES_MAX, Done, World, unexpected};

/// The day on which right clocks begin.
const FIRST_DAY: i64 = 12_000;

impl World {
    /// One of the two who may decide.
    fn coordinator(by: usize) -> usize {
        by % 2
    }

    pub(super) fn rotate(&mut self, number: usize) -> Result<(), Finding> {
        let clock = self.devices.get(number).map_or(0, |device| device.clock);
        let today = FIRST_DAY + clock + self.days;
        let done = self.ask(number, |engine| engine.rotate_when_due(Day::from_number(today)?))?;
        self.say(&format!("device {number} looks at its clock: {}", done.name()));
        if let Done::Ok(rotated) = done {
            self.model.aged += u64::from(rotated);
            self.say(&format!("device {number} rotates: {rotated}"));
        }
        Ok(())
    }

    pub(super) fn revoke(&mut self, by: usize, number: usize) -> Result<(), Finding> {
        let by = Self::coordinator(by);
        let ids = [by, number].map(|number| self.devices.get(number).map(|device| device.id));
        let [Some(own), Some(id)] = ids else { return Ok(()) };
        let founder = self.devices.first().map(|device| device.id);
        // The founder keeps the root key: who is left goes by what it says.
        if own == id || Some(id) == founder || (by == 1 && number == 0) {
            return Ok(());
        }
        let done = self.ask(by, |engine| engine.revoke(id, false))?;
        self.model.aged += 1;
        self.model.removed = true;
        self.say(&format!("device {by} removes device {number}: {}", done.name()));
        Ok(())
    }

    pub(super) fn pack(&mut self, by: usize) -> Result<(), Finding> {
        let by = Self::coordinator(by);
        let done = self.ask(by, |engine| engine.make_pack(&mut |_, _| {}))?;
        self.note_packed(by);
        self.say(&format!("device {by} makes a pack: {}", done.name()));
        Ok(())
    }

    /// What the library does at each sync: a pack that nobody may take any more is made anew.
    pub(crate) fn pack_when_due(&mut self, by: usize) -> Result<(), Finding> {
        if let Done::Ok(true) = self.ask(by, |engine| engine.pack_when_due(false))? {
            self.note_packed(by);
            self.say(&format!("device {by} makes its pack anew"));
        }
        Ok(())
    }

    fn note_packed(&mut self, by: usize) {
        let engine = self.devices.get(by).and_then(|device| device.engine.as_ref());
        for (lane, next) in engine.map(Engine::lanes_here).unwrap_or_default() {
            let upto = self.model.packed.entry(lane).or_default();
            *upto = (*upto).max(next);
        }
        let bodies = engine.map(Engine::bodies_here).unwrap_or_default().into_iter();
        let places = bodies.map(|body| (body.lane, body.sequence, body.position));
        self.model.in_packs.extend(places);
    }

    pub(super) fn set_role(&mut self, by: usize, number: usize, role: u8) -> Result<(), Finding> {
        let by = Self::coordinator(by);
        let Some(id) = self.devices.get(number).map(|device| device.id) else { return Ok(()) };
        if self.devices.iter().take(2).any(|coordinator| coordinator.id == id) {
            return Ok(());
        }
        // Each of them may write what is written here.
        let role = if role.is_multiple_of(2) { Role::Educator } else { Role::Supervisor };
        let done = self.ask(by, |engine| engine.set_role(id, role))?;
        self.say(&format!("device {by} makes device {number} {role:?}: {}", done.name()));
        Ok(())
    }

    pub(super) fn renew(&mut self, number: usize) -> Result<(), Finding> {
        let done = self.ask(number, Engine::renew_device)?;
        self.say(&format!("device {number} takes new keys: {}", done.name()));
        Ok(())
    }

    pub(super) fn enrol(&mut self, by: usize, role: u8) -> Result<(), Finding> {
        let (by, new) = (Self::coordinator(by), self.devices.len());
        if new >= DEVICES_MAX {
            return Ok(());
        }
        lies_at(&store(new), new as u64);
        let made = Engine::create_below(Path::new(&store(new)), KEY, random(self.seed, new, 0));
        let mut engine = made.or_else(|error| unexpected("a new store", &error))?;
        let request = engine.request_to_join().or_else(|error| unexpected("a request", &error))?;
        let role = if role == 0 { Role::Coordinator } else { Role::Educator };
        let done = self.ask(by, |engine| engine.invite(&request, role, &[]))?;
        self.say(&format!("device {by} lets in device {new}: {}", done.name()));
        let Done::Ok((answer, _)) = done else { return Ok(()) };
        engine.join(&answer).or_else(|error| unexpected("joining", &error))?;
        let mut device = Device::new(new, engine.device());
        device.engine = Some(engine);
        self.devices.push(device);
        // What it was not told of its team it does not know.
        self.model.too_late.clear();
        Ok(())
    }
}
