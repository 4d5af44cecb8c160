//! Two crates cannot inherit the workspace's lints: the bindings, since their generated code is `unsafe`, and the one for
//! memory. They copy them.

/// What the copies relax, and what they ask for instead.
const OWN: [&str; 2] = ["unsafe_code", "undocumented_unsafe_blocks"];

/// Lines of the workspace's lints that a copy does not repeat, and the other way round.
pub(crate) fn drift(workspace: &str, name: &str, copy: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tool in ["rust", "clippy"] {
        let ours = section(workspace, &format!("[workspace.lints.{tool}]"));
        let theirs = section(copy, &format!("[lints.{tool}]"));
        found.extend(lacking(&ours, &theirs, name));
        found.extend(lacking(&theirs, &ours, "Cargo.toml"));
    }
    found
}

fn section<'a>(manifest: &'a str, header: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|line| *line != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| line.contains('=') && !OWN.iter().any(|own| line.starts_with(own)))
        .collect()
}

fn lacking(lines: &[&str], in_lines: &[&str], name: &str) -> Vec<String> {
    let gone = lines.iter().filter(|line| !in_lines.contains(line));
    gone.map(|line| format!("{name} lacks the lint {line}")).collect()
}

#[test]
fn a_lint_that_differs_is_refused() {
    let ours = "[workspace.lints.rust]\nmissing_docs = \"deny\"\nunsafe_code = \"forbid\"\n[other]\na = 1\n";
    let same = "[lints.rust]\nmissing_docs = \"deny\"\nunsafe_code = \"allow\"\n";
    assert!(drift(ours, "a", same).is_empty());
    assert_eq!(drift(ours, "a", "[lints.rust]\nmissing_docs = \"warn\"\n").len(), 2);
}
