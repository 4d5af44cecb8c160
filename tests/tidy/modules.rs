//! No forgotten files: what no `mod` names is never compiled, and its tests never run.

use std::collections::BTreeSet;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use cargo_metadata::Metadata;
use proc_macro2::{TokenStream, TokenTree};

use crate::tokens::{is_sign, is_word, tails};

/// The Rust files that the targets of the workspace reach.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn reached(metadata: &Metadata) -> Result<BTreeSet<PathBuf>> {
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    let mut found = BTreeSet::new();
    for target in targets {
        let root = target.src_path.as_std_path();
        let folder = root.parent().unwrap_or(root);
        follow(root, folder, &mut found)?;
    }
    Ok(found)
}

/// Adds `file` and the files of its modules, which lie in `folder`.
fn follow(file: &Path, folder: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    if !found.insert(file.to_path_buf()) {
        return Ok(());
    }
    let named = |error: Error| Error::other(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(named)?;
    let stream: TokenStream = text.parse().unwrap_or_default();
    for module in modules(stream, folder) {
        let file = module.with_extension("rs");
        if file.exists() {
            follow(&file, &module, found)?;
        }
    }
    Ok(())
}

/// The paths, without `.rs`, of the modules declared in a stream, whose own files lie in `folder`.
fn modules(stream: TokenStream, folder: &Path) -> Vec<PathBuf> {
    let level: Vec<TokenTree> = stream.into_iter().collect();
    let mut found = Vec::new();
    for tail in tails(&level) {
        let [keyword, TokenTree::Ident(name), next, ..] = tail else {
            continue;
        };
        if !is_word(keyword, "mod") {
            continue;
        }
        let path = folder.join(name.to_string());
        match next {
            TokenTree::Group(inside) => found.extend(modules(inside.stream(), &path)),
            _ if is_sign(next, ';') => found.push(path),
            _ => {}
        }
    }
    found
}

/// Those of `all` that are Rust and not reached.
pub(crate) fn forgotten(all: &[&Path], reached: &BTreeSet<PathBuf>) -> Vec<String> {
    let rust = all.iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let lost = rust.filter(|path| !reached.contains(**path));
    lost.map(|path| format!("{} is in no module tree", path.display())).collect()
}

#[test]
fn modules_are_found_inline_and_outside() {
    let text = "mod a;\npub(crate) mod b { mod c; fn f() { mod d; } }\n// mod e;\nconst T: &str = \"mod g;\";";
    let found = modules(text.parse().unwrap(), Path::new("src"));
    assert_eq!(found, [Path::new("src/a"), Path::new("src/b/c")]);
}

#[test]
fn a_file_outside_of_every_tree_is_refused() {
    let reached = BTreeSet::from([PathBuf::from("src/a.rs")]);
    let all = ["src/a.rs", "src/b.rs", "src/c.sql"].map(Path::new);
    assert_eq!(forgotten(&all, &reached), ["src/b.rs is in no module tree"]);
}
