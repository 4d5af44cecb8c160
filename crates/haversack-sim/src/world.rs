//! The world of one run.

use haversack_core::{Engine, Error};

use crate::act::Act;
use crate::checkers;
use crate::device::Device;
use crate::dice::Dice;
use crate::finding::{Checker, Finding};
use crate::founding::{Founding, founding};
use crate::model::Model;
use crate::relay::SimRelay;
use crate::trace::Trace;

/// More devices than this there never are.
pub(crate) const DEVICES_MAX: usize = 7;

/// Devices, relays and files, and what is known of them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) founding: Founding,
    pub(crate) devices: Vec<Device>,
    pub(crate) relays: Vec<SimRelay>,
    pub(crate) files: Vec<Vec<u8>>,
    pub(crate) model: Model,
    pub(crate) days: i64,
    /// What happened.
    pub(crate) trace: Trace,
    step: usize,
}

/// What came of something that an engine was asked to do.
#[derive(Debug)]
pub(crate) enum Done<T> {
    /// It says so.
    Ok(T),
    /// It refused, or its disk failed.
    Refused(Error),
    /// The process died of it; what it did nobody knows.
    Died,
}

impl<T> Done<T> {
    pub(crate) fn ok(self) -> Option<T> {
        match self {
            Self::Ok(done) => Some(done),
            _ => None,
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Ok(_) => "done",
            Self::Refused(_) => "refused",
            Self::Died => "died",
        }
    }
}

/// What an engine may not say for no reason.
pub(crate) fn unexpected<T>(what: &str, error: &Error) -> Result<T, Finding> {
    Checker::Liveness.found(format!("{what}: {error:?}"))
}

impl World {
    /// A team that has met, each with a clock of its own.
    ///
    /// # Errors
    /// A [`Finding`] when not even that works.
    pub(crate) fn new(seed: u64, devices: usize, wrong_clocks: bool) -> Result<Self, Finding> {
        let founding = founding(devices).or_else(|error| unexpected("founding", &error))?;
        let mut world = Self {
            seed,
            devices: founding.lay_out(),
            founding,
            relays: (0..2).map(SimRelay::new).collect(),
            files: Vec::new(),
            model: Model::default(),
            days: 0,
            trace: Trace::default(),
            step: 0,
        };
        let mut dice = Dice::new(seed ^ 0xc10c);
        for number in 0..world.devices.len() {
            let years = dice.below(14_000) as i64 - 7_000;
            let Some(device) = world.devices.get_mut(number) else { continue };
            device.clock = if wrong_clocks { years } else { 0 };
            device.open(seed).or_else(|error| unexpected("opening", &error))?;
        }
        Ok(world)
    }

    /// Lets all of it happen, then lets nothing go wrong any more, and looks at what became of everybody.
    ///
    /// # Errors
    /// The first [`Finding`].
    pub(crate) fn run(&mut self, acts: &[Act]) -> Result<(), Finding> {
        for (step, act) in acts.iter().enumerate() {
            self.step = step;
            self.play(act)?;
        }
        self.settle()?;
        checkers::at_the_end(self)
    }

    pub(crate) fn say(&mut self, what: &str) {
        let line = format!("{} {what}", self.step);
        self.trace.say(line);
    }

    /// The number of a device that there is.
    pub(crate) fn who(&self, number: usize) -> usize {
        number % self.devices.len().max(1)
    }

    /// Asks an engine to do something. A process that dies of it is started again.
    pub(crate) fn ask<T>(
        &mut self,
        number: usize,
        work: impl FnOnce(&mut Engine) -> Result<T, Error>,
    ) -> Result<Done<T>, Finding> {
        let Some(device) = self.devices.get_mut(number) else { return Ok(Done::Died) };
        let Some(engine) = device.engine.as_mut() else { return Ok(Done::Died) };
        let done = work(engine);
        if device.is_dead() {
            self.revive(number)?;
            return Ok(Done::Died);
        }
        match done {
            Ok(done) => Ok(Done::Ok(done)),
            Err(error) if device.has_failed() || is_allowed(&error) => Ok(Done::Refused(error)),
            Err(error) => unexpected(&format!("device {number}"), &error),
        }
    }

    /// Asks an engine to take in what others made: whatever that is, no error comes of it but of what it came in.
    pub(crate) fn give<T>(
        &mut self,
        number: usize,
        work: impl FnOnce(&mut Engine) -> Result<T, Error>,
    ) -> Result<Done<T>, Finding> {
        self.ask(number, work).map_err(|found| match found.checker {
            Checker::Liveness => Finding { checker: Checker::QuarantineIsolates, ..found },
            _ => found,
        })
    }

    /// Starts a process that has died of its disk.
    pub(crate) fn revive(&mut self, number: usize) -> Result<(), Finding> {
        let doom = self.devices.get(number).and_then(|device| device.doom);
        self.crash(number, doom.and_then(|(power, dice)| power.then_some(dice)))
    }

    /// Ends a process and starts it again.
    pub(crate) fn crash(&mut self, number: usize, power_cut: Option<u64>) -> Result<(), Finding> {
        let seed = self.seed;
        let Some(device) = self.devices.get_mut(number) else { return Ok(()) };
        device.die(power_cut);
        if let Err(error) = device.open(seed) {
            return Checker::AcknowledgedIsKept
                .found(format!("device {number} does not open: {error:?}"));
        }
        checkers::saved_here(self, number)
    }
}

/// What an engine may always answer: it is about what was asked.
fn is_allowed(error: &Error) -> bool {
    matches!(
        error,
        Error::Removed
            | Error::NotAllowed { .. }
            | Error::Unknown { .. }
            | Error::Invalid { .. }
            | Error::Foreign { .. }
            | Error::Wire(_)
            | Error::NoSpace
    )
}
