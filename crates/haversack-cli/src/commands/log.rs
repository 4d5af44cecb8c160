//! `haversack log`: contacts, one by one or from a file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use clap::ValueHint;
use haversack::model::{
    AgeBand, Day, Direction, Duration, Item, Mode, People, Service, Sex, SiteCode, SpaceName,
};
use haversack::{ContactDraft, ContactId, Notebook};
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::input::{self, Builder, Counted, Dated, Known};
use crate::output::{Show, count, plain};
use crate::prompt::{self, Prompt};

/// Logs a contact, or a file of them, on this device
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Logs a contact, or a file of them, on this device. No network is needed; when the command is done, the \
    contact survives a power cut.\n\n\
    On a terminal it asks for what is missing: the site, and what was given and taken back. An item's code may be shortened \
    as long as no other begins so: syringe_fixed_1=10.\n\n\
    Examples:\n  haversack log --site KM-V --client LOTUS-27 --out syringe_fixed_1ml=10 --in used_mixed=8\n  \
    haversack log --site KM-N --people 12 --out condom_m=60 --service education\n  \
    haversack log --file week.csv\n\n\
    A CSV file has a line of column names, then a line for each contact:\n  \
    date,site,client,sex,age,out.syringe_fixed_1ml,in.used_mixed,services\n  \
    2008-02-04,KM-V,LOTUS-27,,,10,8,nsp;counselling\n  \
    2008-02-04,KM-V,,F,<25,5,,nsp\n\
    Columns are date, site, mode, client, sex, age, people, services, duration, out.ITEM, others.ITEM, in.ITEM; date and site \
    are needed. A JSON file is an array of objects with the same names; items may stand in objects, as in \"out\": {\"swab\": 20}. \
    Either the whole file is usable, or nothing of it is saved. A file that is handed in twice is saved twice.",
    after_long_help = lists()
)]
pub(crate) struct Args {
    /// The day; today when omitted
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Day>,
    /// Where; needed unless there is one site only
    #[arg(long, value_name = "CODE")]
    site: Option<String>,
    /// How the contact came about; as usual at the site when omitted
    #[arg(long, value_parser = input::one_of::<Mode>(), hide_possible_values = true)]
    mode: Option<Mode>,
    /// With a client who has a file: their label, or the first digits of the id, four or more
    #[arg(long, value_name = "LABEL-OR-ID", conflicts_with_all = ["people", "sex", "age"])]
    client: Option<String>,
    /// With so many people, counted only
    #[arg(long, value_name = "N", value_parser = people, allow_negative_numbers = true)]
    #[arg(conflicts_with_all = ["sex", "age"])]
    people: Option<People>,
    /// With someone without a file: their sex, as they say
    #[arg(long, value_parser = input::one_of::<Sex>())]
    sex: Option<Sex>,
    /// With someone without a file: their age
    #[arg(long, value_parser = input::one_of::<AgeBand>())]
    age: Option<AgeBand>,
    /// Handed out for their own use; may be given several times
    #[arg(long, value_name = "ITEM=N")]
    out: Vec<Counted>,
    /// Handed out to be passed on; may be given several times
    #[arg(long, value_name = "ITEM=N")]
    for_others: Vec<Counted>,
    /// Taken back; may be given several times
    #[arg(long = "in", value_name = "ITEM=N")]
    taken: Vec<Counted>,
    /// A service given; may be given several times
    #[arg(long = "service", value_name = "SERVICE", value_parser = input::one_of::<Service>(), hide_possible_values = true)]
    services: Vec<Service>,
    /// How long it took, in minutes
    #[arg(long, value_parser = input::one_of::<Duration>())]
    duration: Option<Duration>,
    /// Into a drop-box, as haversack space list names them: only the team behind it can read it, this device cannot
    #[arg(long, value_name = "NAME", value_parser = input::space_name)]
    drop: Option<SpaceName>,
    /// Many contacts: a .csv or .json file, or - for CSV on stdin
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(conflicts_with_all = ["date", "site", "mode", "client", "people", "sex", "age", "out",
        "for_others", "taken", "services", "duration"])]
    file: Option<PathBuf>,
}

fn lists() -> String {
    format!(
        "Items:\n  {}\n\nModes:\n  {}\n\nServices:\n  {}",
        input::codes::<Item>(),
        input::codes::<Mode>(),
        input::codes::<Service>()
    )
}

fn people(text: &str) -> Result<People, Error> {
    Ok(People::new(input::whole("people", text)?)?)
}

/// Contacts were saved.
#[derive(Debug, Serialize)]
pub(crate) struct Logged {
    saved: u64,
    contacts: Vec<Saved>,
    /// The drop-box that they were put into: they cannot be read here.
    dropped: Option<String>,
    /// Days that are yet to come by this device's clock: of the two, either may be wrong.
    dates_ahead: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Saved {
    date: String,
    site: String,
    id: String,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Logged, Error> {
    let notebook = global.open()?;
    let known = Known::of(&notebook)?;
    let contacts = match &args.file {
        Some(file) => input::contacts(file, &known)?,
        None => vec![one(args, &known, prompt::terminal(global.format()))?],
    };
    let dates_ahead = ahead(&contacts);
    let (count, saved) = match &args.drop {
        Some(into) => (drop_into(&notebook, into, contacts)?, Vec::new()),
        None => save(&notebook, contacts).map(|saved| (saved.len() as u64, saved))?,
    };
    close(&notebook);
    let dropped = args.drop.as_ref().map(ToString::to_string);
    Ok(Logged { saved: count, contacts: saved, dropped, dates_ahead })
}

/// The contact of the options, and of the answers to what they leave open.
fn one<R: BufRead, W: Write>(
    args: &Args,
    known: &Known,
    mut prompt: Option<Prompt<R, W>>,
) -> Result<Dated, Error> {
    let mut builder = Builder {
        day: Some(args.date.map_or_else(today, Ok)?),
        site: Some(site(args, known, prompt.as_mut())?),
        mode: args.mode.clone(),
        client: args.client.as_deref().map(|client| known.client(client)).transpose()?,
        sex: args.sex.clone(),
        age: args.age.clone(),
        people: args.people,
        services: args.services.iter().cloned().collect(),
        duration: args.duration.clone(),
        ..Builder::default()
    };
    builder.add(Direction::Out, &args.out);
    builder.add(Direction::OutForOthers, &args.for_others);
    builder.add(Direction::In, &args.taken);
    if let Some(prompt) = prompt.as_mut().filter(|_| builder.is_empty()) {
        builder.add(Direction::Out, &prompt.ask("Given, as swab=20 needle=10:", items)?);
        builder.add(Direction::In, &prompt.ask("Taken back, as used_mixed=8:", items)?);
    }
    match builder.says_nothing() {
        true => Err(Error::EmptyContact),
        false => builder.finish(),
    }
}

fn site<R: BufRead, W: Write>(
    args: &Args,
    known: &Known,
    prompt: Option<&mut Prompt<R, W>>,
) -> Result<SiteCode, Error> {
    match (&args.site, known.only_site(), prompt) {
        (Some(code), ..) => known.site(code),
        (None, Some(only), _) => Ok(only.clone()),
        (None, None, Some(prompt)) if known.sites().next().is_some() => {
            let codes: Vec<String> = known.sites().map(|code| plain(code.as_str())).collect();
            let question = format!("Site ({}):", codes.join(", "));
            prompt.ask(&question, |text| known.site(text))
        }
        _ => Err(Error::Missing { what: "--site" }),
    }
}

fn items(text: &str) -> Result<Vec<Counted>, Error> {
    text.split([' ', ',']).filter(|part| !part.is_empty()).map(str::parse).collect()
}

/// Today, where this device believes to be.
fn today() -> Result<Day, Error> {
    Ok(Day::new(jiff::Zoned::now().date())?)
}

/// The days after tomorrow. Tomorrow is today already, east of a clock that was set elsewhere.
fn ahead(contacts: &[Dated]) -> Vec<String> {
    let Ok(today) = today() else { return Vec::new() };
    let days: BTreeSet<Day> = contacts.iter().map(|contact| contact.day).collect();
    let ahead = days.into_iter().filter(|day| day.number() > today.number() + 1);
    ahead.map(|day| day.to_string()).collect()
}

fn by_day(contacts: Vec<Dated>) -> BTreeMap<Day, Vec<ContactDraft>> {
    let mut days: BTreeMap<Day, Vec<ContactDraft>> = BTreeMap::new();
    for Dated { day, draft } in contacts {
        days.entry(day).or_default().push(draft);
    }
    days
}

/// Puts contacts into a drop-box, all of a day at once, in the order of days; says how many.
fn drop_into(notebook: &Notebook, into: &SpaceName, contacts: Vec<Dated>) -> Result<u64, Error> {
    let mut saved = 0;
    for (day, drafts) in by_day(contacts) {
        let dropped = notebook.drop_contacts(into, day, &drafts);
        dropped.map_err(|error| partly(saved, day, error.into()))?;
        saved += drafts.len();
    }
    Ok(saved as u64)
}

/// Saves contacts, all of a day at once, in the order of days.
fn save(notebook: &Notebook, contacts: Vec<Dated>) -> Result<Vec<Saved>, Error> {
    let days = by_day(contacts);
    let mut saved = Vec::new();
    for (day, drafts) in &days {
        let ids =
            notebook.log(*day, drafts).map_err(|error| partly(saved.len(), *day, error.into()))?;
        saved.extend(ids.iter().zip(drafts).map(|(id, draft)| shown(*day, draft, id)));
    }
    Ok(saved)
}

fn partly(saved: usize, from: Day, why: Error) -> Error {
    match saved {
        0 => why,
        saved => Error::Partly { saved, from, why: Box::new(why) },
    }
}

fn shown(day: Day, draft: &ContactDraft, id: &ContactId) -> Saved {
    Saved { date: day.to_string(), site: draft.site.to_string(), id: id.to_string() }
}

impl Show for Logged {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.dates_ahead.is_empty() {
            let days = self.dates_ahead.join(", ");
            writeln!(out, "Is the date right? By this device's clock this is yet to come: {days}")?;
        }
        if let Some(into) = &self.dropped {
            writeln!(out, "put {} into {into}", count(self.saved, "contact"))?;
            return writeln!(
                out,
                "sealed: this device does not show it, and only that team can read it"
            );
        }
        match self.contacts.as_slice() {
            [one] => writeln!(out, "logged a contact on {} at {}", one.date, plain(&one.site))?,
            many => writeln!(out, "logged {}", count(many.len() as u64, "contact"))?,
        }
        writeln!(out, "on this device only, until haversack sync or haversack bundle export")
    }
}

#[cfg(test)]
mod tests;
