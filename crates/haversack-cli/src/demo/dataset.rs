//! The data set: read, checked, turned into the model. Errors name the record and the field.

use std::collections::BTreeMap;
use std::path::Path;

use haversack::model::{
    AgeBand, BirthBand, Client, Closing, Day, Direction, Item, Label, Line, Needed, Quantity, Sex,
    Site, SiteCode, SiteKind,
};
use haversack::{ClientId, ContactDraft, EngineError, Period, WhoDraft};
use serde::Deserialize;

use super::{Error, failing};

const DEFAULT: &str = include_str!("../../../../fixtures/kunming.json");
const FILE_MAX: u64 = 64 << 20;

/// The file, as it is written.
#[derive(Debug, Deserialize)]
struct File {
    period: (String, String),
    sites: Vec<FileSite>,
    educators: Vec<String>,
    clients: Vec<FileClient>,
    contacts: Vec<FileContact>,
}

#[derive(Debug, Deserialize)]
struct FileSite {
    site: String,
    kind: String,
    closes: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FileClient {
    client: String,
    sex: Option<String>,
    birth_year: Option<i64>,
    inj_per_day: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct FileContact {
    id: Option<String>,
    client: Option<String>,
    educator: String,
    site: String,
    date: String,
    #[serde(default)]
    fixed: i64,
    #[serde(default)]
    barrels: i64,
    #[serde(default)]
    needles: i64,
    #[serde(default)]
    returned: i64,
    #[serde(default)]
    condoms: i64,
    #[serde(default)]
    secondary: bool,
    sex: Option<String>,
    age_band: Option<String>,
}

/// A checked data set.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) period: Period,
    pub(super) sites: Vec<Site>,
    pub(super) educators: usize,
    pub(super) clients: Vec<Client>,
    /// In the order of days; of one day, in the order of the file.
    pub(super) outings: Vec<Outing>,
}

/// One educator's contacts of one day.
#[derive(Debug)]
pub(super) struct Outing {
    /// Which educator, from 0.
    pub(super) educator: usize,
    pub(super) day: Day,
    pub(super) contacts: Vec<Encounter>,
}

/// A contact whose client is named by their place in the data set.
#[derive(Debug)]
pub(super) struct Encounter {
    client: Option<usize>,
    draft: ContactDraft,
}

impl Encounter {
    /// The contact as it is logged, once the client files are there.
    pub(super) fn draft(&self, clients: &[ClientId]) -> ContactDraft {
        let mut draft = self.draft.clone();
        if let Some(id) = self.client.and_then(|place| clients.get(place)) {
            draft.who = WhoDraft::Client(*id);
        }
        draft
    }
}

impl Dataset {
    /// Reads a file, or the default data set.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, Error> {
        match path {
            None => Self::parse(DEFAULT),
            Some(path) => {
                let length =
                    std::fs::metadata(path).map_err(failing("the data set cannot be read"))?.len();
                if length > FILE_MAX {
                    return Err(data("file", "is over 64 MiB"));
                }
                Self::parse(
                    &std::fs::read_to_string(path)
                        .map_err(failing("the data set cannot be read"))?,
                )
            }
        }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let file: File =
            serde_json::from_str(text).map_err(|error| data("JSON", &error.to_string()))?;
        let day = |what, text: &str| text.parse::<Day>().map_err(named(what));
        let (from, to) = (day("period", &file.period.0)?, day("period", &file.period.1)?);
        let period = Period::new(from, to).map_err(|error| data("period", &error.to_string()))?;
        let sites = file.sites.iter().zip(1..).map(site).collect::<Result<Vec<_>, _>>()?;
        let clients = file.clients.iter().map(client).collect::<Result<Vec<_>, _>>()?;
        let places = Places {
            sites: &sites,
            codes: index(file.sites.iter().map(|site| site.site.as_str())),
            educators: index(file.educators.iter().map(String::as_str)),
            clients: index(file.clients.iter().map(|client| client.client.as_str())),
        };
        let outings = outings(&file.contacts, &places)?;
        Ok(Self { period, educators: file.educators.len(), outings, clients, sites })
    }
}

struct Places<'a> {
    sites: &'a [Site],
    codes: BTreeMap<&'a str, usize>,
    educators: BTreeMap<&'a str, usize>,
    clients: BTreeMap<&'a str, usize>,
}

fn index<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    names.zip(0..).collect()
}

fn outings(contacts: &[FileContact], places: &Places<'_>) -> Result<Vec<Outing>, Error> {
    let mut outings: BTreeMap<(Day, usize), Vec<Encounter>> = BTreeMap::new();
    for (contact, n) in contacts.iter().zip(1..) {
        let name = contact.id.clone().unwrap_or_else(|| format!("number {n}"));
        let name = format!("contact {name}");
        let day = contact.date.parse::<Day>().map_err(named(&name))?;
        let educator = known(&places.educators, &contact.educator, &name, "educator")?;
        outings.entry((day, educator)).or_default().push(encounter(contact, places, &name)?);
    }
    let outing = |((day, educator), contacts)| Outing { educator, day, contacts };
    Ok(outings.into_iter().map(outing).collect())
}

fn encounter(contact: &FileContact, places: &Places<'_>, name: &str) -> Result<Encounter, Error> {
    let site = known(&places.codes, &contact.site, name, "site")?;
    let missing = || data(name, "its site is not on the data set's list");
    let site = places.sites.get(site).ok_or_else(missing)?.code.clone();
    let client = contact.client.as_deref();
    let client = client.map(|label| known(&places.clients, label, name, "client")).transpose()?;
    let sex = contact.sex.as_deref().map(Sex::new).transpose().map_err(named(name))?;
    let age = contact.age_band.as_deref().map(AgeBand::new).transpose().map_err(named(name))?;
    let mut draft = ContactDraft::new(WhoDraft::Anonymous { sex, age }, site);
    let out = if contact.secondary { Direction::OutForOthers } else { Direction::Out };
    let lines = [
        (out, Item::SYRINGE_FIXED_1ML, contact.fixed),
        (out, Item::BARREL_2ML, contact.barrels),
        (out, Item::NEEDLE, contact.needles),
        (Direction::In, Item::USED_MIXED, contact.returned),
        (Direction::Out, Item::CONDOM_M, contact.condoms),
    ];
    for (direction, item, count) in lines {
        let quantity = Quantity::new(count).map_err(named(name))?;
        if count > 0 {
            draft = draft.line(Line { direction, item }, quantity);
        }
    }
    Ok(Encounter { client, draft })
}

fn known(
    names: &BTreeMap<&str, usize>,
    name: &str,
    what: &str,
    kind: &str,
) -> Result<usize, Error> {
    let missing = || data(what, &format!("its {kind} is not on the data set's list"));
    names.get(name).copied().ok_or_else(missing)
}

/// A site. A name that is no code here, such as an address, is not taken over: the site gets a number.
fn site((site, n): (&FileSite, usize)) -> Result<Site, Error> {
    let what = format!("site {}", site.site);
    let code = SiteCode::new(&site.site).or_else(|_| SiteCode::new(&format!("SITE-{n}")));
    Ok(Site {
        code: code.map_err(named(&what))?,
        kind: SiteKind::new(&site.kind).map_err(named(&what))?,
        setting: None,
        closes: site
            .closes
            .as_deref()
            .map(str::parse::<Closing>)
            .transpose()
            .map_err(named(&what))?,
    })
}

/// A client. A code that is no label here, such as a name, is not taken over.
fn client(client: &FileClient) -> Result<Client, Error> {
    let what = format!("client {}", client.client);
    let birth = client.birth_year.map(|year| BirthBand::new(year, 1));
    Ok(Client {
        label: Label::new(&client.client).ok(),
        sex: client.sex.as_deref().map(Sex::new).transpose().map_err(named(&what))?,
        birth: birth.transpose().map_err(named(&what))?,
        need: client.inj_per_day.map(Needed::new).transpose().map_err(named(&what))?,
        status: None,
    })
}

fn data(what: &str, why: &str) -> Error {
    Error::Data { what: what.to_owned(), why: why.to_owned() }
}

fn named(what: &str) -> impl Fn(EngineError) -> Error {
    let what = what.to_owned();
    move |error| data(&what, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_whole() {
        let dataset = Dataset::read(None).unwrap();
        let contacts: usize = dataset.outings.iter().map(|outing| outing.contacts.len()).sum();
        assert_eq!((contacts, dataset.clients.len(), dataset.educators), (1_220, 80, 5));
        assert!(dataset.outings.is_sorted_by_key(|outing| outing.day));
    }

    #[test]
    fn names_are_not_taken_over() {
        let text = DEFAULT
            .replace("\"K001\"", "\"Wang Xiaoming\"")
            .replace("\"KM-V\"", "\"12 Long Street\"");
        let dataset = Dataset::parse(&text).unwrap();
        assert_eq!(dataset.clients[0].label, None);
        assert_eq!(dataset.sites[1].code.as_str(), "SITE-2");
    }

    #[test]
    fn errors_name_the_record() {
        let refused = |from: &str, to: &str| {
            let text = DEFAULT.replacen(from, to, 1);
            assert_ne!(text, DEFAULT, "{from}");
            Dataset::parse(&text).unwrap_err().to_string()
        };
        let date = refused("\"date\": \"2008-02-04\"", "\"date\": \"1970-01-01\"");
        assert_eq!(
            date,
            "the data set's contact c0001: date must lie between 2000-01-01 and 2079-12-31"
        );
        let count = refused("\"fixed\": 5", "\"fixed\": -5");
        assert_eq!(count, "the data set's contact c0001: quantity must lie between 0 and 10000");
        let kind = refused("\"kind\": \"mobile_van\"", "\"kind\": \"spaceship\"");
        assert!(kind.starts_with("the data set's site KM-V: site kind must be one of"), "{kind}");
        let who =
            refused("\"client\": \"K001\",\n\"educator\"", "\"client\": \"K999\",\n\"educator\"");
        assert_eq!(who, "the data set's contact c0001: its client is not on the data set's list");
        assert!(
            refused("\"period\"", "\"Period\"").starts_with("the data set's JSON: missing field")
        );
    }
}
