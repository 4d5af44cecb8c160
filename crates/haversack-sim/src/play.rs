//! One act after the other.

mod disks;
mod meetings;
mod relays;
mod teams;

use haversack_core::model::{Client, Direction, Item, Line, Quantity};
use haversack_core::{ContactFilter, Error};
use haversack_wire::bundle;

use crate::act::Act;
use crate::checkers;
use crate::finding::Finding;
use crate::founding::{contact, day};
use crate::world::{Done, World};

/// Files that lie about; an older one makes room.
const FILES_MAX: usize = 12;
/// More contacts than this there are in no run: stores stay small.
const CONTACTS_MAX: usize = 36;

impl World {
    pub(crate) fn play(&mut self, act: &Act) -> Result<(), Finding> {
        match *act {
            Act::Log { device, day, contacts } => self.log(self.who(device), day, contacts),
            Act::Correct { device, contact } => self.correct(self.who(device), contact),
            Act::AddClient { device } => self.add_client(self.who(device)),
            Act::Sync { device, relay, arrives } => self.sync(self.who(device), relay, arrives),
            Act::WriteFile { device } => self.write_file(self.who(device)),
            Act::ReadFile { device, file, arrives } => {
                self.read_file(self.who(device), file, arrives)
            }
            Act::Meet { asks, answers, request, answer } => {
                self.meet((self.who(asks), self.who(answers)), (request, answer))
            }
            Act::Carry { files, arrives } => self.carry(files, arrives),
            Act::Erase { device, client } => self.erase(self.who(device), client),
            Act::Days { days } => {
                self.days += i64::from(days);
                Ok(())
            }
            Act::Rotate { device } => self.rotate(self.who(device)),
            Act::Revoke { by, device } => self.revoke(by, self.who(device)),
            Act::SetRole { by, device, role } => self.set_role(by, self.who(device), role),
            Act::Renew { device } => self.renew(self.who(device)),
            Act::Pack { by } => self.pack(by),
            Act::Enrol { by, role } => self.enrol(by, role),
            Act::Crash { device, power, dice } => self.end(self.who(device), power, dice),
            Act::Doom { device, after, fault, power, dice } => {
                self.doom(self.who(device), (after, fault), (power, dice))
            }
            Act::Close { device } => self.close(self.who(device)),
            Act::Backup { device } => self.back_up(self.who(device)),
            Act::Restore { device, noticed } => self.restore(self.who(device), noticed),
            Act::Clone { device, noticed } => self.clone_device(self.who(device), noticed),
            Act::Forge { by, victim, by_file } => self.forge(self.who(by), victim, by_file),
            Act::Stranger { device } => self.stranger(self.who(device)),
            _ => self.play_relay(act),
        }
    }

    fn log(&mut self, number: usize, on: u8, contacts: u8) -> Result<(), Finding> {
        if self.model.saved.len() >= CONTACTS_MAX {
            return Ok(());
        }
        let marks: Vec<i64> = (0..contacts).map(|_| self.model.mark()).collect();
        let drafts = marks.iter().map(|mark| contact(*mark)).collect::<Result<Vec<_>, Error>>();
        let done = self.ask(number, |engine| engine.log(day(on)?, &drafts?))?;
        self.say(&format!("device {number} logs {marks:?}: {}", done.name()));
        if let Done::Ok(_) = done {
            let is_late = self.is_known_removed(number);
            let Some(device) = self.devices.get_mut(number) else { return Ok(()) };
            device.saved.extend(&marks);
            let id = device.id;
            self.model.saved.extend(marks.iter().map(|mark| (*mark, id)));
            if is_late {
                self.model.too_late.extend(marks.iter().map(|mark| (*mark, id)));
            }
        }
        Ok(())
    }

    /// Whether every other device's every life knows that a device was removed.
    fn is_known_removed(&self, number: usize) -> bool {
        let Some(device) = self.devices.get(number) else { return false };
        let mut others = self.devices.iter().filter(|other| other.id != device.id);
        others.all(|other| other.knows_removed(&device.id))
    }

    fn correct(&mut self, number: usize, nth: usize) -> Result<(), Finding> {
        let line = Line { direction: Direction::Out, item: Item::NALOXONE_IM };
        let done = self.ask(number, |engine| {
            let rows = engine.contacts(&ContactFilter::default())?;
            let Some(row) = rows.get(nth % rows.len().max(1)) else { return Ok(()) };
            engine.correct(&row.id, &line, Quantity::new(1 + nth as i64)?)
        })?;
        self.say(&format!("device {number} corrects: {}", done.name()));
        Ok(())
    }

    fn add_client(&mut self, number: usize) -> Result<(), Finding> {
        let done = self.ask(number, |engine| engine.add_client(&Client::default()))?;
        self.say(&format!("device {number} adds a client: {}", done.name()));
        Ok(())
    }

    fn write_file(&mut self, number: usize) -> Result<(), Finding> {
        let done = self.ask(number, haversack_core::Engine::export_bundle)?;
        self.say(&format!("device {number} writes a file: {}", done.name()));
        if let Done::Ok(file) = done {
            let frames = bundle::decode(&file).map(|read| read.frames).unwrap_or_default();
            checkers::note_filed(self, number, frames.into_iter());
            self.lay_down(file);
        }
        Ok(())
    }

    pub(crate) fn lay_down(&mut self, file: Vec<u8>) {
        if self.files.len() >= FILES_MAX {
            self.files.remove(0);
        }
        self.files.push(file);
    }

    fn read_file(&mut self, number: usize, nth: usize, arrives: u16) -> Result<(), Finding> {
        let Some(file) = self.files.get(nth % self.files.len().max(1)).cloned() else {
            return Ok(());
        };
        let part = file.get(..file.len() * usize::from(arrives) / 1_000).unwrap_or_default();
        let done = self.give(number, |engine| engine.import_bundle(part))?;
        self.say(&format!("device {number} reads a file: {} {:?}", done.name(), done.ok()));
        self.note_kept(number);
        Ok(())
    }

    fn stranger(&mut self, number: usize) -> Result<(), Finding> {
        let file = self.founding.strange.clone();
        let done = self.ask(number, |engine| engine.import_bundle(&file))?;
        self.say(&format!("device {number} reads a stranger's file: {}", done.name()));
        Ok(())
    }
}
