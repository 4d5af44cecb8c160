//! The files of the workspace, as text.

use std::io::Result;
use std::path::Path;

/// Folders that hold nothing written by hand.
const SKIPPED: [&str; 5] = [".git", "target", "build", "node_modules", "__pycache__"];

/// A file of the workspace.
#[derive(Debug)]
pub(crate) struct Text {
    /// From the workspace's folder, with `/` between names.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl Text {
    #[cfg(test)]
    pub(crate) fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        let mut names = self.path.split('/');
        names.any(|name| ["tests", "benches", "tests.rs"].contains(&name))
    }
}

/// Reads every file under `root` that is text.
///
/// # Errors
/// When a folder or a file cannot be read.
pub(crate) fn read(root: &Path) -> Result<Vec<Text>> {
    let mut texts = Vec::new();
    collect(root, "", &mut texts)?;
    Ok(texts)
}

fn collect(folder: &Path, prefix: &str, texts: &mut Vec<Text>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(&entry.path(), &format!("{path}/"), texts)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(std::fs::read(entry.path())?)
        {
            texts.push(Text { path, text });
        }
    }
    Ok(())
}

#[test]
fn finds_this_file_and_nothing_built() {
    let texts = read(haversack_tests::root()).unwrap();
    assert!(texts.iter().any(|text| text.path == "tests/tidy/files.rs"));
    assert!(texts.iter().all(|text| !text.path.starts_with("target/")));
}

#[test]
fn knows_test_code_by_its_place() {
    for path in ["tests/tidy/main.rs", "crates/a/src/b/tests.rs", "crates/a/tests/b.rs"] {
        assert!(Text::sample(path, "").is_test());
    }
    assert!(!Text::sample("crates/a/src/contests.rs", "").is_test());
}
