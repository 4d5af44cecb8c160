use std::collections::{BTreeMap, BTreeSet};

use haversack_core::model::Day;
use haversack_core::{ClientId, ClientRow, ContactRow, Person};
use serde::Serialize;

use crate::{Period, percent, rate};

/// The indicators of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Indicators {
    /// Days in the period.
    pub days: u32,
    /// All contacts.
    pub contacts: u64,
    /// Contacts with a client whose file is here.
    pub contacts_coded: u64,
    /// Contacts with someone unnamed, and count-only ones.
    pub contacts_anonymous: u64,
    /// Persons with a file and at least one contact (I-01).
    pub reach_coded: u64,
    /// Client files, whatever the period.
    pub clients_registered: u64,
    /// Sets handed out: fixed syringes plus the fewer of barrels and needles.
    pub sets_distributed: u64,
    /// Sets handed out to persons with a file.
    pub sets_to_coded: u64,
    /// Used pieces taken back.
    pub returned: u64,
    /// Pieces back for 100 sets out (I-06); may exceed 100.
    pub return_pct: String,
    /// PRV.8: persons who got a set.
    pub prv8_num: u64,
    /// PRV.8: persons reached.
    pub prv8_den: u64,
    /// PRV.8 in percent.
    pub prv8_pct: String,
    /// PRV.10: sets to persons with a file, for one such person who got any and a year of 365 days.
    pub prv10_coded_sets_per_coded_recipient_year: String,
    /// PRV.9 variant a: persons with a set-giving day in every complete block of 30 days.
    pub prv9a_each_30d_block: u64,
    /// PRV.9 variant b: persons with at least as many set-giving days as the period has calendar months.
    pub prv9b_monthly_average: u64,
    /// Complete blocks of 30 days, for PRV.9a.
    pub blocks: u32,
    /// Persons whose sets cover the injections they named, day by day (I-07).
    pub clients_need_met: u64,
    /// Days on which one person was met by two or more educators.
    pub same_day_two_educators: u64,
}

/// A period's indicators, and what did not go into them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The first day.
    pub from: String,
    /// The day after the last.
    pub to: String,
    /// The indicators.
    pub indicators: Indicators,
    /// Contacts with a client whose file is not here: not arrived yet, or erased. They count for stock only.
    pub contacts_unattributed: u64,
    /// People in count-only contacts.
    pub people_counted: u64,
    /// Contacts with a count on which corrections disagree; the lower one counts.
    pub contacts_disputed: u64,
}

/// What one person got in the period.
#[derive(Default)]
struct Received {
    sets: u64,
    set_days: BTreeSet<Day>,
    educators: BTreeMap<Day, BTreeSet<[u8; 16]>>,
}

impl Report {
    /// Computes the report of a period.
    #[must_use]
    pub fn new(period: &Period, contacts: &[ContactRow], clients: &[ClientRow]) -> Self {
        let within: Vec<_> = contacts.iter().filter(|row| period.contains(row.day)).collect();
        let count =
            |is: fn(&Person) -> bool| within.iter().filter(|row| is(&row.person)).count() as u64;
        let people = within.iter().map(|row| match row.person {
            Person::Count(people) => u64::from(people),
            _ => 0,
        });
        Self {
            from: period.from().to_string(),
            to: period.to().to_string(),
            indicators: indicators(period, &within, clients),
            contacts_unattributed: count(|person| *person == Person::Unattributed),
            people_counted: people.sum(),
            contacts_disputed: within.iter().filter(|row| row.disputed).count() as u64,
        }
    }
}

fn indicators(period: &Period, contacts: &[&ContactRow], clients: &[ClientRow]) -> Indicators {
    let persons = persons(contacts);
    let is_anonymous =
        |row: &&&ContactRow| matches!(row.person, Person::Anonymous { .. } | Person::Count(_));
    let is_coded = |row: &&&ContactRow| matches!(row.person, Person::Client(_));
    let sets_distributed = contacts.iter().map(|row| row.sets()).sum();
    let sets_to_coded: u64 = persons.values().map(|person| person.sets).sum();
    let returned = contacts.iter().map(|row| row.returned()).sum();
    let (recipients, reach) =
        (persons.values().filter(|person| person.sets > 0).count() as u64, persons.len() as u64);
    let (days, blocks) = (period.days(), period.blocks());
    let person_days = u128::from(days) * u128::from(recipients);
    Indicators {
        days,
        contacts: contacts.len() as u64,
        contacts_coded: contacts.iter().filter(is_coded).count() as u64,
        contacts_anonymous: contacts.iter().filter(is_anonymous).count() as u64,
        reach_coded: reach,
        clients_registered: clients.len() as u64,
        sets_distributed,
        sets_to_coded,
        returned,
        return_pct: percent(returned, sets_distributed),
        prv8_num: recipients,
        prv8_den: reach,
        prv8_pct: percent(recipients, reach),
        prv10_coded_sets_per_coded_recipient_year: rate(
            u128::from(sets_to_coded) * 365,
            person_days,
        ),
        prv9a_each_30d_block: persons.values().filter(|p| every_block(period, p)).count() as u64,
        prv9b_monthly_average: persons.values().filter(|p| monthly(period, p)).count() as u64,
        blocks,
        clients_need_met: need_met(period, &persons, clients),
        same_day_two_educators: persons
            .values()
            .flat_map(|person| person.educators.values())
            .filter(|educators| educators.len() > 1)
            .count() as u64,
    }
}

fn persons(contacts: &[&ContactRow]) -> BTreeMap<ClientId, Received> {
    let mut persons: BTreeMap<ClientId, Received> = BTreeMap::new();
    for row in contacts {
        if let Person::Client(id) = row.person {
            let person = persons.entry(id).or_default();
            let sets = row.sets();
            person.sets += sets;
            if sets > 0 {
                person.set_days.insert(row.day);
            }
            person.educators.entry(row.day).or_default().insert(row.author.to_bytes());
        }
    }
    persons
}

/// PRV.9a. A period without a complete block has nobody in it.
fn every_block(period: &Period, person: &Received) -> bool {
    let seen: BTreeSet<u32> = person.set_days.iter().map(|day| period.block(*day)).collect();
    period.blocks() > 0 && (0..period.blocks()).all(|block| seen.contains(&block))
}

fn monthly(period: &Period, person: &Received) -> bool {
    person.set_days.len() as u64 >= u64::from(period.months())
}

fn need_met(period: &Period, persons: &BTreeMap<ClientId, Received>, clients: &[ClientRow]) -> u64 {
    let is_met = |row: &&ClientRow| match (row.client.need, persons.get(&row.id)) {
        (Some(need), Some(person)) => {
            person.sets >= u64::from(need.get()) * u64::from(period.days())
        }
        _ => false,
    };
    clients.iter().filter(is_met).count() as u64
}
