use clap::{FromArgMatches, Parser};

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(line: &str) -> Args {
    let matches = <Line as clap::CommandFactory>::command()
        .get_matches_from(["log"].into_iter().chain(line.split_whitespace()));
    Line::from_arg_matches(&matches).unwrap().args
}

fn known() -> Known {
    let code = |text| SiteCode::new(text).unwrap();
    Known::with_sites([code("KM-N"), code("KM-V")])
}

/// What somebody at a terminal is asked and answers, and what comes of it.
fn asked(line: &str, answers: &str) -> (Result<Dated, Error>, String) {
    let mut output = Vec::new();
    let prompt = Prompt::over(answers.as_bytes(), &mut output);
    let contact = one(&args(line), &known(), Some(prompt));
    (contact, String::from_utf8(output).unwrap())
}

#[test]
fn asks_for_what_is_missing() {
    let (contact, asked) = asked("--date 2008-02-04", "KM-X\nKM-V\nswab=20, condom_m=3\n\n");
    insta::assert_snapshot!(asked, @"
    Site (KM-N, KM-V):   this site is not known here
    Site (KM-N, KM-V): Given, as swab=20 needle=10: Taken back, as used_mixed=8:
    ");
    let draft = contact.unwrap().draft;
    assert_eq!((draft.site.as_str(), draft.lines.len()), ("KM-V", 2));
}

#[test]
fn asks_for_nothing_that_was_said() {
    let (contact, asked) = asked("--date 2008-02-04 --site KM-N --service nsp", "");
    assert_eq!((contact.unwrap().draft.services.len(), asked.as_str()), (1, ""));
    let (contact, _) = self::asked("--date 2008-02-04", "");
    assert!(matches!(contact, Err(Error::Terminal { .. })));
}

#[test]
fn without_a_terminal_the_site_must_be_said() {
    let nobody: Option<Prompt<&[u8], Vec<u8>>> = None;
    let refused = one(&args("--date 2008-02-04"), &known(), nobody);
    assert!(matches!(refused, Err(Error::Missing { what: "--site" })));
}
