//! `haversack contacts`: what was logged, as far as this device knows.

use std::collections::BTreeMap;
use std::io::{self, Write};

use haversack::model::{Day, Direction};
use haversack::{
    ClientId, ContactFilter, ContactRow, Device, DeviceRow, Notebook, Person, RecordState,
};
use serde::Serialize;

use super::contact::short;
use super::device::known_here;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table, count, hex};

/// What stands for a code of which this version knows nothing.
const NEWER: &str = "other (newer app)";

/// Lists contacts, the newest first
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the contacts that are on this device, the newest day first, with who logged each if \
    it was not this device: by the name that haversack device rename gave, or by the first digits of its id; and with the \
    safest place that each is known to be in: this phone, a file that somebody carries, a relay, or acknowledged, signed, by a \
    coordinator or an archive. A contact of this device is where its newest own change is. The last column is what \
    haversack contact correct takes.\n\n\
    Example:\n  haversack contacts --from 2008-02-01 --to 2008-03-01\n  haversack contacts --last 20 --json\n  \
    haversack contacts --unsynced"
)]
pub(crate) struct Args {
    /// The first day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Day>,
    /// The day after the last
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<Day>,
    /// At most so many, the newest
    #[arg(long, value_name = "N")]
    last: Option<u32>,
    /// Only those that no coordinator and no archive has acknowledged
    #[arg(long)]
    unsynced: bool,
}

/// The contacts.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Contacts(Vec<ContactShown>);

#[derive(Debug, Serialize)]
struct ContactShown {
    id: String,
    date: String,
    site: String,
    mode: String,
    person: PersonShown,
    out: BTreeMap<String, u32>,
    others: BTreeMap<String, u32>,
    r#in: BTreeMap<String, u32>,
    sets: u64,
    returned: u64,
    services: Vec<String>,
    duration: Option<String>,
    disputed: bool,
    /// The device that logged it, the name that it has in this store, and whether it is this one.
    author: String,
    author_name: Option<String>,
    own: bool,
    state: &'static str,
    #[serde(skip)]
    place: RecordState,
    #[serde(skip)]
    newer: Newer,
}

/// Which codes this version does not know.
#[derive(Debug, Default)]
struct Newer {
    mode: bool,
    items: Vec<String>,
    services: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum PersonShown {
    Client { id: String, label: Option<String> },
    Unattributed,
    Anonymous { sex: Option<String>, age: Option<String> },
    Count { people: u32 },
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Contacts, Error> {
    let first = global.open_first()?;
    let notebook = global.open_within(&first)?;
    // Of those that are asked for the newest, not those of the newest that are asked for.
    let newest = args.last.filter(|_| !args.unsynced);
    let filter = ContactFilter { from: args.from, to: args.to, newest };
    let known = Known { labels: labels(&notebook)?, devices: known_here(&first)? };
    let mut rows = notebook.contacts(&filter)?;
    if args.unsynced {
        rows.retain(|row| row.state != RecordState::Acknowledged);
        rows.truncate(args.last.map_or(usize::MAX, |last| last as usize));
    }
    Ok(Contacts(rows.iter().map(|row| ContactShown::new(row, &known)).collect()))
}

/// What ids stand for.
struct Known {
    labels: BTreeMap<ClientId, String>,
    devices: BTreeMap<Device, DeviceRow>,
}

fn labels(notebook: &Notebook) -> Result<BTreeMap<ClientId, String>, Error> {
    let clients = notebook.clients()?.into_iter();
    Ok(clients.filter_map(|row| Some((row.id, row.client.label?.as_str().to_owned()))).collect())
}

impl ContactShown {
    fn new(row: &ContactRow, known: &Known) -> Self {
        let author = known.devices.get(&row.author);
        let lines = |direction: Direction| {
            let lines = row.lines.iter().filter(|(line, _)| line.direction == direction);
            lines.map(|(line, quantity)| (line.item.to_string(), quantity.get())).collect()
        };
        let items = row.lines.iter().map(|(line, _)| &line.item);
        let services = row.services.iter().filter(|service| !service.is_known());
        Self {
            id: row.id.to_string(),
            date: row.day.to_string(),
            site: row.site.to_string(),
            mode: row.mode.to_string(),
            person: PersonShown::new(&row.person, &known.labels),
            out: lines(Direction::Out),
            others: lines(Direction::OutForOthers),
            r#in: lines(Direction::In),
            sets: row.sets(),
            returned: row.returned(),
            services: row.services.iter().map(ToString::to_string).collect(),
            duration: row.duration.as_ref().map(ToString::to_string),
            disputed: row.disputed,
            author: hex(row.author.to_bytes()),
            author_name: author.and_then(|row| row.name.as_ref()).map(ToString::to_string),
            own: author.is_some_and(|row| row.own),
            state: row.state.code(),
            place: row.state,
            newer: Newer {
                mode: !row.mode.is_known(),
                items: items.filter(|item| !item.is_known()).map(ToString::to_string).collect(),
                services: services.map(ToString::to_string).collect(),
            },
        }
    }

    /// Who logged it, unless it was this device.
    fn by(&self) -> String {
        let digits = self.author.get(..8).unwrap_or(&self.author);
        match self.own {
            true => String::new(),
            false => self.author_name.clone().unwrap_or(digits.to_owned()),
        }
    }

    fn given(&self) -> String {
        let others = self.items(&self.others).map(|text| format!("{text} (for others)"));
        self.items(&self.out).chain(others).collect::<Vec<_>>().join(", ")
    }

    fn items<'a>(&'a self, lines: &'a BTreeMap<String, u32>) -> impl Iterator<Item = String> + 'a {
        lines.iter().map(|(item, n)| match self.newer.items.contains(item) {
            true => format!("{NEWER} {n}"),
            false => format!("{item} {n}"),
        })
    }

    fn services(&self) -> String {
        let name = |code: &String| match self.newer.services.contains(code) {
            true => NEWER.to_owned(),
            false => code.clone(),
        };
        self.services.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

/// A place in words.
const fn place(state: RecordState) -> &'static str {
    match state {
        RecordState::HereOnly => "this phone only",
        RecordState::Carried => "carried in a file",
        RecordState::Relayed => "held by a relay",
        RecordState::Acknowledged => "acknowledged",
    }
}

impl PersonShown {
    fn new(person: &Person, labels: &BTreeMap<ClientId, String>) -> Self {
        match person {
            Person::Client(id) => {
                Self::Client { id: id.to_string(), label: labels.get(id).cloned() }
            }
            Person::Unattributed => Self::Unattributed,
            Person::Anonymous { sex, age } => Self::Anonymous {
                sex: sex.as_ref().map(ToString::to_string),
                age: age.as_ref().map(ToString::to_string),
            },
            Person::Count(people) => Self::Count { people: *people },
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Client { label: Some(label), .. } => label.clone(),
            Self::Client { id, .. } => format!("client {}", id.get(..8).unwrap_or(id)),
            Self::Unattributed => "client not here yet".to_owned(),
            Self::Anonymous { sex, age } => {
                let known = [sex, age].into_iter().flatten().cloned().collect::<Vec<_>>();
                ["anonymous".to_owned()].into_iter().chain(known).collect::<Vec<_>>().join(" ")
            }
            Self::Count { people: 1 } => "1 person".to_owned(),
            Self::Count { people } => format!("{people} people"),
        }
    }
}

impl Show for Contacts {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return writeln!(out, "no contacts");
        }
        let mut table = Table::under([
            "date",
            "site",
            "mode",
            "with",
            "given",
            "taken back",
            "services",
            "where",
            "by",
            "contact",
        ]);
        for contact in &self.0 {
            let mode = if contact.newer.mode { NEWER } else { &contact.mode };
            let disputed = if contact.disputed { " (disputed)" } else { "" };
            table.row([
                contact.date.clone(),
                contact.site.clone(),
                mode.to_owned(),
                contact.person.text(),
                contact.given() + disputed,
                contact.items(&contact.r#in).collect::<Vec<_>>().join(", "),
                contact.services(),
                place(contact.place).to_owned(),
                contact.by(),
                short(&contact.id),
            ]);
        }
        table.write(out)?;
        writeln!(out, "{}", count(self.0.len() as u64, "contact"))
    }
}
