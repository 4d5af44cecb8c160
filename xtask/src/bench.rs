//! `cargo xtask bench`: what syncing costs, what locking and wiping take, and what overwriting freed memory costs. Every figure
//! stands beside a reference of the same run: a time alone says more about the machine.

mod memory;
mod table;

use serde_json::Value;

use crate::places::Places;
use crate::shell::{self, Failure};

/// Rows that the bench of syncing knows; the last two are of benches of their own.
const ROWS: [&str; 10] =
    ["idle", "push", "first", "merge", "log", "disk", "unlock", "relay", "locking", "memory"];
/// Not run unless it is asked for: it takes minutes, and root.
const NETWORK: &str = "network";

/// What is to be measured.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    rows: Vec<&'static str>,
    network: bool,
    profiles: Vec<String>,
    as_json: bool,
}

impl Wanted {
    fn read(args: &[&str]) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match (*arg, ROWS.iter().find(|row| *row == arg)) {
                ("--json", _) => wanted.as_json = true,
                ("--profile", _) => match args.next() {
                    Some(&"all") => wanted.profiles.clear(),
                    Some(name) => wanted.profiles.push((*name).to_owned()),
                    None => return Err(refused("--profile takes a name")),
                },
                (NETWORK, _) => wanted.network = true,
                (_, Some(row)) => wanted.rows.push(row),
                (other, None) => return Err(refused(&format!("no row is called {other}"))),
            }
        }
        if wanted.rows.is_empty() && !wanted.network {
            wanted.rows = ROWS.to_vec();
        }
        Ok(wanted)
    }

    /// Of the bench of syncing.
    fn of_sync(&self) -> Vec<&str> {
        let of_sync = |row: &&'static str| !matches!(*row, "locking" | "memory");
        self.rows.iter().copied().filter(of_sync).collect()
    }
}

fn refused(why: &str) -> Failure {
    let rows = ROWS.join(", ");
    Failure::Failed(format!(
        "{why}; bench takes [ROW…] [--json], or network [--profile NAME|all]; the rows are {rows}"
    ))
}

/// Runs the benches and prints a table, or a line of JSON for each figure.
///
/// # Errors
/// When a bench fails, and when a figure is not within its budget.
pub(crate) fn run(places: &Places, args: &[&str]) -> Result<(), Failure> {
    let wanted = Wanted::read(args)?;
    let show = |figures: &[Value]| match wanted.as_json {
        true => figures.iter().for_each(|figure| println!("{figure}")),
        false => figures.iter().for_each(|figure| println!("{}", table::line(figure))),
    };
    let mut all = Vec::new();
    let mut take = |figures: Vec<Value>| {
        show(&figures);
        all.extend(figures);
    };
    // In one process: rows share teams, which take a while to make.
    if !wanted.of_sync().is_empty() {
        take(bench(places, "sync", &wanted.of_sync())?);
    }
    if wanted.network {
        let profiles = wanted.profiles.iter().map(String::as_str);
        take(bench(places, "sync", &[NETWORK].into_iter().chain(profiles).collect::<Vec<_>>())?);
    }
    if wanted.rows.contains(&"locking") {
        take(bench(places, "locking", &[])?);
    }
    if wanted.rows.contains(&"memory") {
        take(memory::costs(places)?);
    }
    let over: Vec<&str> =
        all.iter().filter(|figure| !table::is_met(figure)).map(table::name).collect();
    match over.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(format!("not within budget: {}", over.join("; ")))),
    }
}

/// The figures that a bench prints.
fn bench(places: &Places, name: &str, args: &[&str]) -> Result<Vec<Value>, Failure> {
    let mut command = places.cargo();
    command.args(["bench", "--quiet", "-p", "haversack-tests", "--bench", name, "--"]).args(args);
    let text = shell::capture(&mut command)?;
    let figures = text.lines().filter(|line| line.starts_with('{'));
    figures.map(|line| serde_json::from_str(line).map_err(Failure::failed)).collect()
}

#[test]
fn rows_and_profiles_are_read() {
    let wanted = Wanted::read(&["push", "--json", "network", "--profile", "edge"]).unwrap();
    assert_eq!(
        (wanted.rows.as_slice(), wanted.network, wanted.as_json),
        (&["push"][..], true, true)
    );
    assert_eq!(wanted.profiles, ["edge"]);
    let all = Wanted::read(&[]).unwrap();
    assert_eq!((all.rows.len(), all.network), (ROWS.len(), false));
    assert_eq!(all.of_sync().len(), ROWS.len() - 2);
    assert!(Wanted::read(&["network", "--profile", "all"]).unwrap().profiles.is_empty());
    assert!(Wanted::read(&["pull"]).is_err());
}
