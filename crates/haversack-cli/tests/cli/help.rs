//! The reference: what every command says about itself, in one file that cannot go stale.

use crate::bench::{Bench, err, out};

const COMMANDS: [&[&str]; 61] = [
    &[],
    &["demo"],
    &["init"],
    &["join"],
    &["invite"],
    &["site"],
    &["site", "add"],
    &["site", "list"],
    &["client"],
    &["client", "add"],
    &["client", "list"],
    &["client", "erase"],
    &["client", "erased"],
    &["log"],
    &["contacts"],
    &["contact"],
    &["contact", "correct"],
    &["status"],
    &["sync"],
    &["bundle", "export"],
    &["bundle", "import"],
    &["bundle", "carry"],
    &["peer", "serve"],
    &["report"],
    &["device"],
    &["device", "list"],
    &["device", "rename"],
    &["device", "role"],
    &["device", "revoke"],
    &["device", "renew"],
    &["device", "hand-over"],
    &["space"],
    &["space", "create"],
    &["space", "rename"],
    &["space", "drop"],
    &["space", "list"],
    &["space", "rotate"],
    &["space", "pack"],
    &["space", "link"],
    &["space", "carry"],
    &["relay", "list"],
    &["relay", "add"],
    &["relay", "remove"],
    &["exposure"],
    &["quarantine"],
    &["quarantine", "list"],
    &["passphrase"],
    &["recovery"],
    &["recovery", "create"],
    &["recovery", "rehearse"],
    &["recovery", "use"],
    &["recovery", "forget-root"],
    &["recovery", "replace-root"],
    &["duress"],
    &["duress", "set"],
    &["duress", "clear"],
    &["lock"],
    &["wipe"],
    &["exit-codes"],
    &["completions"],
    &["man"],
];
const RELAY: &[&str] = &["relay", "serve"];

/// The options of every command, which are shown once.
const GLOBAL: &str = "Global options:";

#[test]
fn reference() {
    let bench = Bench::new();
    let mut reference = String::new();
    for command in COMMANDS.iter().chain(&[RELAY]) {
        let help = help(&bench, command);
        let shown = match command.is_empty() {
            true => help.as_str(),
            false => help.split(GLOBAL).next().unwrap(),
        };
        reference += &format!("# haversack {}\n\n{}\n\n", command.join(" "), shown.trim_end());
        // What follows the global options, such as the lists of codes.
        if let Some((_, lists)) = help.split_once("\n\nItems:") {
            reference += &format!("Items:{lists}\n\n");
        }
    }
    insta::assert_snapshot!(reference);
}

fn help(bench: &Bench, command: &[&str]) -> String {
    let output = bench.command(&[command, &["--help"]].concat()).output().unwrap();
    assert!(output.status.success() && err(&output).is_empty(), "{command:?}");
    out(&output)
}

#[test]
fn every_command_teaches_by_example() {
    let bench = Bench::new();
    for command in COMMANDS.iter().chain(&[RELAY]).filter(|command| command.len() == 2) {
        assert!(help(&bench, command).contains("\n  haversack "), "{command:?}");
    }
    let alone = ["demo", "init", "join", "invite", "log", "contacts", "status", "sync", "report"];
    for command in alone.into_iter().chain(["exposure", "passphrase", "lock", "wipe"]) {
        assert!(help(&bench, &[command]).contains("\n  haversack "), "{command}");
    }
}

/// Shells and manuals say what the arguments themselves say.
#[test]
fn completions_and_manual_pages() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = bench.command(&["completions", shell]).output().unwrap();
        assert!(output.status.success() && out(&output).contains("hand-over"), "{shell}");
    }
    let output = bench.command(&["man", "pages/man1"]).output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    for page in ["haversack.1", "haversack-device-hand-over.1", "haversack-contact-correct.1"] {
        let text = std::fs::read_to_string(bench.path("pages/man1").join(page)).unwrap();
        assert!(text.contains(".SH DESCRIPTION"), "{page}");
    }
}

#[test]
fn nothing_typed_is_a_question_for_help() {
    let output = Bench::new().command(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("Getting started:"));
}

/// What the store opens with is never an argument, nor in the environment.
#[test]
fn no_option_takes_a_passphrase() {
    let bench = Bench::new();
    let all: String = COMMANDS.iter().map(|command| help(&bench, command)).collect();
    let envs: Vec<&str> =
        all.lines().filter(|line| line.contains("[env:")).map(str::trim).collect();
    let known = ["HAVERSACK_STORE", "HAVERSACK_PROXY"];
    assert!(envs.iter().all(|line| known.iter().any(|name| line.contains(name))), "{envs:?}");
    assert!(!all.contains("--passphrase "), "{all}");
}
