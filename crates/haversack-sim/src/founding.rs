//! How every world begins: a team that has met. It is made once, and copied.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use haversack_core::model::{Client, Day, Quantity, Site, SiteCode, SiteKind};
use haversack_core::{ContactDraft, Engine, Error, Role, WhoDraft};
use haversack_disk::{Image, with};

use crate::device::{Device, KEY, MARKED, store};
use crate::dice::random;
use crate::disk::{lay_out, lies_at};

/// The counts of contacts that nobody may ever be shown begin here.
pub(crate) const FORBIDDEN: i64 = 5_000;

/// A team that has met, as copies of its stores.
#[derive(Debug, Clone)]
pub(crate) struct Founding {
    devices: Vec<(Image, haversack_wire::Device)>,
    /// A file of another team's.
    pub(crate) strange: Vec<u8>,
}

/// The only site.
pub(crate) fn site() -> Result<SiteCode, Error> {
    SiteCode::new("KM-V")
}

/// A contact by whose count it is known.
pub(crate) fn contact(mark: i64) -> Result<ContactDraft, Error> {
    let draft = ContactDraft::new(WhoDraft::default(), site()?);
    Ok(draft.line(MARKED, Quantity::new(mark)?))
}

pub(crate) fn day(number: u8) -> Result<Day, Error> {
    Day::from_number(3_000 + i64::from(number))
}

/// A team of so many devices: two coordinators, the rest educators.
pub(crate) fn founding(devices: usize) -> Result<Founding, Error> {
    static MADE: Mutex<BTreeMap<usize, Founding>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(founding) = made.get(&devices) {
        return Ok(founding.clone());
    }
    let founding = found(devices)?;
    made.insert(devices, founding.clone());
    Ok(founding)
}

fn create(number: usize) -> Result<Engine, Error> {
    lies_at(&store(number), number as u64);
    Engine::create_below(Path::new(&store(number)), KEY, random(1, number, 0))
}

fn found_team(engine: &mut Engine) -> Result<(), Error> {
    engine.found_space()?;
    let (code, kind) = (site()?, SiteKind::MOBILE_VAN);
    engine.put_site(&Site { code, kind, setting: None, closes: None })?;
    engine.add_client(&Client::default()).map(drop)
}

fn found(count: usize) -> Result<Founding, Error> {
    lay_out();
    haversack_core::sim::seed(None);
    let mut first = create(0)?;
    found_team(&mut first)?;
    let mut others = Vec::new();
    for number in 1..count.max(2) {
        let mut other = create(number)?;
        let role = if number == 1 { Role::Coordinator } else { Role::Educator };
        let (answer, _) = first.invite(&other.request_to_join()?, role, &[])?;
        other.join(&answer)?;
        others.push(other);
    }
    let start = first.export_bundle()?;
    for other in &mut others {
        other.import_bundle(&start)?;
    }
    let strange = strange_file(count.max(2))?;
    let mut devices = Vec::new();
    for (number, engine) in std::iter::once(first).chain(others).enumerate() {
        let id = engine.device();
        engine.close()?;
        devices.push((with(|disk| disk.image(&store(number))), id));
    }
    Ok(Founding { devices, strange })
}

fn strange_file(number: usize) -> Result<Vec<u8>, Error> {
    let mut stranger = create(number)?;
    found_team(&mut stranger)?;
    stranger.log(day(0)?, &[contact(FORBIDDEN)?])?;
    stranger.export_bundle()
}

impl Founding {
    /// The team's devices, their stores on this thread's disk, none of them open.
    pub(crate) fn lay_out(&self) -> Vec<Device> {
        lay_out();
        let places = self.devices.iter().enumerate();
        places
            .map(|(number, (image, id))| {
                lies_at(&store(number), number as u64);
                with(|disk| disk.restore(&store(number), image));
                Device::new(number, *id)
            })
            .collect()
    }
}
