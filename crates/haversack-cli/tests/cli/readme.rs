//! The walk-through of the README, line by line: it cannot go stale, and a removal arrives where it must.

use serde_json::{Value, json};

use crate::bench::{Bench, RelayProcess, text};

const README: &str = include_str!("../../../../README.md");
const ADDRESS: &str = "http://127.0.0.1:8080";
const PAPERS: [&str; 3] = ["one", "two", "three"];

/// The commands on the stores `office` and `walk`, up to the removal and what follows it, as the README has them.
fn lines() -> Vec<&'static str> {
    let (_, usage) = README.split_once("\n## Use it\n").unwrap();
    let (usage, _) = usage.split_once("\nWhen a phone goes to another worker").unwrap();
    let lines = usage.lines().filter_map(|line| line.strip_prefix("haversack --store "));
    lines.map(|line| line.split("  # ").next().unwrap().trim()).collect()
}

struct Story {
    bench: Bench,
    relay: RelayProcess,
    /// The text that somebody hands over.
    handed: String,
}

impl Story {
    /// Runs one line of the README.
    fn run(&mut self, line: &str) -> Value {
        let here = line.replace(&format!("{ADDRESS}#ID"), &self.relay.url());
        let here = here.replace(ADDRESS, &self.relay.address());
        let words: Vec<&str> = here.split(' ').collect();
        let (store, args) = words.split_first().unwrap();
        match args {
            ["join", "--request"] => self.hand(store, args, "request"),
            ["invite", ..] => self.hand(store, args, "answer"),
            ["join"] => self.bench.json_from(store, args, &self.handed),
            ["device", "revoke", _] => {
                let phone = self.bench.own("walk");
                self.bench.json(store, &["device", "revoke", &phone[..8], "--yes"])
            }
            ["recovery", "create", ..] => self.write_down(store, args),
            // What a terminal would be asked for.
            ["recovery", "rehearse", ..] => {
                let papers = PAPERS.iter().flat_map(|paper| ["--share-file", *paper]);
                let args: Vec<&str> = args.iter().copied().chain(papers).collect();
                self.bench.json(store, &args)
            }
            ["recovery", "forget-root"] => self.bench.json(store, &[args, &["--yes"]].concat()),
            _ => self.bench.json(store, args),
        }
    }

    /// Copies as many shares as it takes.
    fn write_down(&self, store: &str, args: &[&str]) -> Value {
        let made = self.bench.json(store, args);
        let shares = made["shares"].as_array().unwrap();
        for (paper, share) in PAPERS.iter().zip(shares) {
            self.bench.write(paper, share.as_str().unwrap());
        }
        made
    }

    fn hand(&mut self, store: &str, args: &[&str], name: &str) -> Value {
        let shown = self.bench.json_from(store, args, &self.handed);
        self.handed = text(&shown, name);
        shown
    }
}

#[test]
fn the_walk_through_of_the_readme() {
    let bench = Bench::new();
    let relay = RelayProcess::start(&bench, &bench.path("relay-data"));
    let mut story = Story { bench, relay, handed: String::new() };
    let lines = lines();
    assert!(lines.len() > 14 && lines.contains(&"office sync"), "{lines:?}");
    for line in lines {
        let shown = story.run(line);
        if line.starts_with("office bundle import") {
            assert_eq!(shown["contacts"], json!(1), "{line}");
        }
    }
    assert_eq!(story.bench.json("walk", &["sync"])["removed"], json!(true));
}
