//! What lies on disk in the clear must not say what it is for: neither the name of a table nor that of a column.

use crate::files::Text;

/// The view lives in memory only.
const IN_MEMORY: &str = "crates/haversack-core/src/view";

/// Words of the field, in the singular.
const TELLING: [&str; 33] = [
    "barrel",
    "birth",
    "client",
    "condom",
    "contact",
    "coordinate",
    "drug",
    "educator",
    "gender",
    "hcv",
    "heroin",
    "hiv",
    "injection",
    "latitude",
    "longitude",
    "methadone",
    "naloxone",
    "needle",
    "nsp",
    "oamt",
    "opioid",
    "outing",
    "outreach",
    "overdose",
    "patient",
    "person",
    "phone",
    "referral",
    "reversal",
    "sex",
    "site",
    "swab",
    "syringe",
];

/// Things that are created with a name, and words that may stand before them.
const KINDS: [&str; 4] = ["table", "index", "view", "trigger"];
const ADJECTIVES: [&str; 4] = ["temp", "temporary", "unique", "virtual"];

/// Words of the field in the statements that lay out a database on disk.
pub(crate) fn telling_names(file: &Text) -> Vec<String> {
    if !file.path.starts_with("crates/") || file.path.starts_with(IN_MEMORY) {
        return Vec::new();
    }
    let statements = statements(&file.text);
    let found = statements.iter().flat_map(|statement| telling(statement));
    found
        .map(|word| format!("{}: a table, column or index named after a {word}", file.path))
        .collect()
}

/// Every statement that creates something, in lower case, without comments, SQL's or Rust's.
fn statements(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let lines = lines.map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join("\n").to_lowercase();
    let rests =
        text.match_indices("create").filter_map(|(start, word)| text.get(start + word.len()..));
    rests.filter(|rest| creates(rest)).map(statement).collect()
}

/// Whether what follows `create` says that something is given a name.
fn creates(rest: &str) -> bool {
    let mut words = rest.split_whitespace().skip_while(|word| ADJECTIVES.contains(word));
    rest.starts_with(char::is_whitespace) && words.next().is_some_and(|word| KINDS.contains(&word))
}

/// A statement ends where its string does, at a semicolon, or before the next.
fn statement(rest: &str) -> String {
    let end = rest.find([';', '"']).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().to_owned()
}

/// The words of the field in a statement, also as parts of names, also in the plural.
fn telling(statement: &str) -> Vec<&'static str> {
    let parts: Vec<&str> = statement.split(|c: char| !c.is_alphanumeric()).collect();
    let named =
        |word: &&str| parts.iter().any(|part| part == word || part.strip_suffix('s') == Some(word));
    TELLING.iter().copied().filter(named).collect()
}

#[test]
fn a_telling_name_is_refused() {
    for (text, words) in [
        ("CREATE TABLE outing (id BLOB) STRICT;", 1),
        ("CREATE TABLE IF NOT EXISTS b (\n  client_id BLOB, needles INTEGER\n)", 2),
        ("const A: &str = \"create unique index on_site ON b (c)\";", 1),
        ("CREATE TABLE a (b BLOB);\nCREATE TABLE c (naloxone INTEGER);", 1),
        ("CREATE TABLE a (b BLOB) -- of a client\n;", 0),
        ("-- CREATE TABLE client\nSELECT site FROM b; // create a contact", 0),
        ("/// Create table\nfn site() {}", 0),
        ("CREATE TABLE a (parasite BLOB, mission INTEGER);", 0),
    ] {
        let found = telling_names(&Text::sample("crates/a/src/b.sql", text));
        assert_eq!(found.len(), words, "{text}: {found:?}");
    }
}

#[test]
fn the_view_in_memory_may_say_what_it_is() {
    let text = "CREATE TABLE outing (id BLOB) STRICT;";
    assert!(
        telling_names(&Text::sample("crates/haversack-core/src/view/schema.rs", text)).is_empty()
    );
}
