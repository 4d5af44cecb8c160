//! The indicators once more, written from their definitions over the raw data set, by other means than the
//! program's: strings for days, linear searches, fractions as written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

fn number(contact: &Value, key: &str) -> u64 {
    contact[key].as_u64().unwrap_or(0)
}

fn sets(contact: &Value) -> u64 {
    number(contact, "fixed") + number(contact, "barrels").min(number(contact, "needles"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// Days since 1 March of year 0, by the Gregorian rule.
fn day_number(date: &str) -> i64 {
    let part = |range| date.get(range).and_then(|text: &str| text.parse::<i64>().ok()).unwrap();
    let (mut year, mut month, day) = (part(0..4), part(5..7), part(8..10));
    if month < 3 {
        year -= 1;
        month += 12;
    }
    365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day
}

/// `n / d` to one decimal, half up; nothing where there is nothing to divide by.
fn tenths(n: u64, d: u64) -> Option<String> {
    if d == 0 {
        return None;
    }
    let scaled = n * 10;
    let (whole, rest) = (scaled / d, scaled % d);
    let rounded = whole + u64::from(rest * 2 >= d);
    Some(format!("{}.{}", rounded / 10, rounded % 10))
}

/// What a report of the data set must say.
pub(crate) fn expect(dataset: &Value) -> Value {
    let (from, to) =
        (dataset["period"][0].as_str().unwrap(), dataset["period"][1].as_str().unwrap());
    let start = day_number(from);
    let days = (day_number(to) - start) as u64;
    let all: Vec<&Value> = dataset["contacts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|contact| (from..to).contains(&text(contact, "date")))
        .collect();
    let mut people: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for contact in all.iter().filter(|contact| contact["client"].is_string()) {
        people.entry(text(contact, "client")).or_default().push(contact);
    }
    let total = |contacts: &[&Value]| contacts.iter().map(|contact| sets(contact)).sum::<u64>();
    let coded: Vec<&Value> = people.values().flatten().copied().collect();
    let recipients = people.values().filter(|contacts| total(contacts) > 0).count() as u64;
    let returned: u64 = all.iter().map(|contact| number(contact, "returned")).sum();
    let blocks = days / 30;
    let given_days = |contacts: &[&Value]| -> BTreeSet<i64> {
        let gave = contacts.iter().filter(|contact| sets(contact) > 0);
        gave.map(|contact| day_number(text(contact, "date")) - start).collect()
    };
    let each_block = |contacts: &&Vec<&Value>| {
        let days = given_days(contacts);
        (0..blocks as i64).all(|block| days.iter().any(|day| day / 30 == block))
    };
    let months = months(from, to);
    let monthly = |contacts: &&Vec<&Value>| given_days(contacts).len() >= months;
    json!({
        "days": days,
        "contacts": all.len(),
        "contacts_coded": coded.len(),
        "contacts_anonymous": all.len() - coded.len(),
        "reach_coded": people.len(),
        "clients_registered": dataset["clients"].as_array().unwrap().len(),
        "sets_distributed": total(&all),
        "sets_to_coded": total(&coded),
        "returned": returned,
        "return_pct": tenths(returned * 100, total(&all)),
        "prv8_num": recipients,
        "prv8_den": people.len(),
        "prv8_pct": tenths(recipients * 100, people.len() as u64),
        "prv10_coded_sets_per_coded_recipient_year": tenths(total(&coded) * 365, days * recipients),
        "prv9a_each_30d_block": people.values().filter(each_block).count(),
        "prv9b_monthly_average": people.values().filter(monthly).count(),
        "blocks": blocks,
        "clients_need_met": need_met(dataset, &people, days),
        "same_day_two_educators": doubles(&people),
    })
}

/// How many calendar months have a day in the period.
fn months(from: &str, to: &str) -> usize {
    let month = |date: &str| -> usize {
        date[0..4].parse::<usize>().unwrap() * 12 + date[5..7].parse::<usize>().unwrap()
    };
    let ends_with_a_month = to.ends_with("-01");
    month(to) - month(from) + usize::from(!ends_with_a_month)
}

fn need_met(dataset: &Value, people: &BTreeMap<&str, Vec<&Value>>, days: u64) -> usize {
    let clients = dataset["clients"].as_array().unwrap();
    let is_met = |client: &&Value| match (
        client["inj_per_day"].as_u64(),
        people.get(text(client, "client")),
    ) {
        (Some(need), Some(contacts)) => {
            contacts.iter().map(|c| sets(c)).sum::<u64>() >= need * days
        }
        _ => false,
    };
    clients.iter().filter(is_met).count()
}

fn doubles(people: &BTreeMap<&str, Vec<&Value>>) -> usize {
    let mut pairs: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (client, contacts) in people {
        for contact in contacts {
            pairs
                .entry((client, text(contact, "date")))
                .or_default()
                .insert(text(contact, "educator"));
        }
    }
    pairs.values().filter(|educators| educators.len() > 1).count()
}
