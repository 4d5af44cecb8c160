//! Which crate may know which, and which may use what from outside.

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, Metadata};

/// The crates of the workspace and those of the workspace that each may depend on, in tests and build scripts too.
const ARROWS: [(&str, &[&str]); 12] = [
    ("haversack-wire", &[]),
    ("haversack-memory", &[]),
    ("haversack-tls", &[]),
    ("haversack-core", &["haversack-wire", "haversack-memory"]),
    ("haversack-report", &["haversack-core"]),
    ("haversack-relay", &["haversack-wire", "haversack-memory", "haversack-tls"]),
    (
        "haversack",
        &[
            "haversack-wire",
            "haversack-memory",
            "haversack-core",
            "haversack-report",
            "haversack-tls",
        ],
    ),
    ("haversack-cli", &["haversack", "haversack-relay"]),
    ("haversack-ffi", &["haversack"]),
    ("haversack-disk", &["haversack-memory"]),
    ("haversack-sim", &["haversack-wire", "haversack-core", "haversack-relay", "haversack-disk"]),
    ("xtask", &[]),
];

/// May depend on everything, and nothing on it.
pub(crate) const SUITES: &str = "haversack-tests";

/// Crates from outside that only some may use.
const RESERVED: [(&str, &[&str]); 9] = [
    ("libsqlite3-sys", &["haversack-memory"]),
    ("zeroizing-alloc", &["haversack-memory"]),
    ("uniffi", &["haversack-ffi"]),
    // The network's TLS, and its crate of primitives, which are not those of what is sealed.
    ("rustls", &["haversack-tls"]),
    ("rcgen", &["haversack-tls"]),
    ("tokio-rustls", &["haversack", "haversack-relay"]),
    ("rusqlite", &["haversack-core", "haversack-relay", "haversack-disk", SUITES]),
    ("rsqlite-vfs", &["haversack-disk"]),
    ("tokio", &["haversack", "haversack-relay", "haversack-cli", "haversack-ffi", SUITES]),
];

/// Crates whose storage format and faults were measured at one version.
const PINNED: [&str; 3] = ["automerge", "autosurgeon", "hexane"];

/// That one crate depends on another, at some version.
#[derive(Debug, Clone)]
pub(crate) struct Arrow {
    from: String,
    to: String,
    version: String,
}

/// Every declared dependency of every crate of the workspace.
pub(crate) fn dependencies(metadata: &Metadata) -> Vec<Arrow> {
    let packages = metadata.packages.iter();
    packages
        .flat_map(|package| package.dependencies.iter().map(|to| arrow(&package.name, to)))
        .collect()
}

/// Those between crates of the workspace.
pub(crate) fn arrows(metadata: &Metadata) -> Vec<Arrow> {
    let members: BTreeSet<&str> =
        metadata.packages.iter().map(|member| member.name.as_str()).collect();
    let mut arrows = dependencies(metadata);
    arrows.retain(|arrow| members.contains(arrow.to.as_str()));
    arrows
}

fn arrow(from: &str, to: &Dependency) -> Arrow {
    Arrow { from: from.to_owned(), to: to.name.clone(), version: to.req.to_string() }
}

/// Arrows that the table does not know.
pub(crate) fn new_arrows(arrows: &[Arrow]) -> Vec<String> {
    let new = arrows.iter().filter(|arrow| !is_known(arrow));
    new.map(|arrow| format!("{} may not depend on {}", arrow.from, arrow.to)).collect()
}

fn is_known(arrow: &Arrow) -> bool {
    let row = ARROWS.iter().find(|(from, _)| *from == arrow.from);
    arrow.from == SUITES || row.is_some_and(|(_, allowed)| allowed.contains(&arrow.to.as_str()))
}

/// Says so if `from` depends on `to`, over however many crates.
pub(crate) fn reached(arrows: &[Arrow], from: &str, to: &str) -> Vec<String> {
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        let direct = arrows.iter().filter(|arrow| arrow.from == name);
        next.extend(direct.map(|arrow| arrow.to.as_str()).filter(|to| seen.insert(to)));
    }
    if seen.contains(to) { vec![format!("{from} reaches {to}")] } else { Vec::new() }
}

/// Uses of a reserved crate by one that may not.
pub(crate) fn misplaced(dependencies: &[Arrow]) -> Vec<String> {
    let wrong = |arrow: &&Arrow| {
        let row = RESERVED.iter().find(|(name, _)| *name == arrow.to);
        row.is_some_and(|(_, users)| !users.contains(&arrow.from.as_str()))
    };
    let found = dependencies.iter().filter(wrong);
    found.map(|arrow| format!("{} may not use {}", arrow.from, arrow.to)).collect()
}

/// Packages that ask for a feature which only the suites may have.
pub(crate) fn asking_for(metadata: &Metadata, feature: &str) -> Vec<String> {
    let asks = |to: &&Dependency| to.features.iter().any(|name| name == feature);
    let packages = metadata.packages.iter();
    let askers = packages.filter(|from| from.dependencies.iter().any(|to| asks(&to)));
    askers.map(|from| from.name.to_string()).collect()
}

/// The one package that may, and must, since a feature that nobody asks for is not tested.
pub(crate) fn misused(askers: &[String], by: &str) -> Vec<String> {
    match askers == [by] {
        true => Vec::new(),
        false => vec![format!("{askers:?} ask for what only {by} may have")],
    }
}

/// Uses of a pinned crate at anything but one exact version.
pub(crate) fn unpinned(dependencies: &[Arrow]) -> Vec<String> {
    let pinned = dependencies.iter().filter(|arrow| PINNED.contains(&arrow.to.as_str()));
    let loose = pinned.filter(|arrow| !arrow.version.starts_with('='));
    loose
        .map(|arrow| format!("{} needs {} =VERSION, not {}", arrow.from, arrow.to, arrow.version))
        .collect()
}

#[cfg(test)]
fn sample(from: &str, to: &str, version: &str) -> Arrow {
    Arrow { from: from.to_owned(), to: to.to_owned(), version: version.to_owned() }
}

#[test]
fn a_new_arrow_is_refused() {
    let known = sample("haversack-core", "haversack-wire", "*");
    let suites = sample(SUITES, "haversack-core", "*");
    assert!(new_arrows(&[known, suites]).is_empty());
    for (from, to) in [
        ("haversack-wire", "haversack-core"),
        ("haversack-relay", "haversack-core"),
        ("haversack-core", "haversack-tests"),
        ("xtask", "haversack"),
        ("haversack-new", "haversack-wire"),
    ] {
        assert_eq!(
            new_arrows(&[sample(from, to, "*")]),
            [format!("{from} may not depend on {to}")]
        );
    }
}

#[test]
fn an_arrow_over_other_crates_is_found() {
    let arrows = [sample("a", "b", "*"), sample("b", "a", "*"), sample("b", "c", "*")];
    assert_eq!(reached(&arrows, "a", "c"), ["a reaches c"]);
    assert!(reached(&arrows, "c", "a").is_empty());
}

#[test]
fn a_reserved_crate_is_refused() {
    assert!(misplaced(&[sample("haversack-ffi", "uniffi", "*")]).is_empty());
    for (from, to) in
        [("haversack", "uniffi"), ("haversack-cli", "rusqlite"), ("haversack-core", "tokio")]
    {
        assert_eq!(misplaced(&[sample(from, to, "*")]), [format!("{from} may not use {to}")]);
    }
}

#[test]
fn a_loose_version_is_refused() {
    assert!(
        unpinned(&[sample("a", "automerge", "=0.12.0"), sample("a", "serde", "^1")]).is_empty()
    );
    assert_eq!(unpinned(&[sample("a", "hexane", "^1.0")]), ["a needs hexane =VERSION, not ^1.0"]);
}

#[test]
fn a_feature_for_tests_is_refused_elsewhere() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert!(misused(&names(&[SUITES]), SUITES).is_empty());
    for askers in [&[][..], &["haversack-cli"], &["haversack", SUITES]] {
        assert_eq!(misused(&names(askers), SUITES).len(), 1);
    }
}
