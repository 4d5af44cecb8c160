//! Words and names that are not to be written.

use proc_macro2::TokenTree;

use crate::files::Text;
use crate::tokens::{attributes, is_word, levels, line, test_items};

/// The only crate whose lints allow unsafe code, for what is generated there.
const BINDINGS: &str = "bindings/ffi/";

/// The only crates with unsafe code of their own, and in how many lines of how many files: the one that gives memory back
/// empty, and of the simulator's disk the file that makes it known to SQLite.
pub(crate) const UNSAFE: [(&str, &str, usize); 2] =
    [("crates/haversack-memory", "", 150), ("crates/haversack-disk", "vfs.rs", 270)];

/// Folders at the root of somebody's machine.
const MACHINE_FOLDERS: [&str; 3] = ["work", "root", "home"];

/// Files called `mod.rs`: the module `a` is `a.rs`, beside the folder `a/`.
pub(crate) fn mod_rs(file: &Text) -> Vec<String> {
    let is_mod = file.path.rsplit('/').next() == Some("mod.rs");
    if is_mod { vec![format!("{}: name it after its folder", file.path)] } else { Vec::new() }
}

/// Tests, and examples in documentation, that do not run.
pub(crate) fn ignored(file: &Text) -> Vec<String> {
    let levels = levels(&file.text).unwrap_or_default();
    let attributes = levels.iter().flat_map(|level| attributes(level));
    let in_code = attributes.filter(|(_, words, _)| is_ignore(words)).map(|(line, _, _)| line);
    let lines = file.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_start()));
    let in_docs = lines.filter(|(_, line)| is_ignored_example(line)).map(|(number, _)| number);
    in_code.chain(in_docs).map(|line| format!("{}:{line}: an ignored test", file.path)).collect()
}

fn is_ignore(words: &[String]) -> bool {
    let ignores = words.iter().any(|word| word == "ignore");
    ignores && words.first().is_some_and(|first| first == "ignore" || first == "cfg_attr")
}

fn is_ignored_example(line: &str) -> bool {
    line.starts_with("//")
        && line.split_once("```").is_some_and(|(_, kind)| kind.contains("ignore"))
}

/// Sleeps in test code: a test waits for what it waits for, or its clock is its own.
pub(crate) fn sleeps(file: &Text) -> Vec<String> {
    let levels = levels(&file.text).unwrap_or_default();
    let items = test_items(&levels);
    let in_test = |line: &usize| file.is_test() || items.iter().any(|lines| lines.contains(line));
    let found = lines_with(&levels, "sleep").into_iter().filter(in_test);
    found.map(|line| format!("{}:{line}: a sleep in a test", file.path)).collect()
}

/// Unsafe code where the lints cannot forbid it.
pub(crate) fn unsafe_code(file: &Text) -> Vec<String> {
    if !file.path.starts_with(BINDINGS) {
        return Vec::new();
    }
    let levels = levels(&file.text).unwrap_or_default();
    let found = lines_with(&levels, "unsafe").into_iter();
    found.map(|line| format!("{}:{line}: unsafe code", file.path)).collect()
}

/// What is wrong with a crate that has unsafe code of its own: too much where it may be, any elsewhere, or blocks that need no
/// reason.
pub(crate) fn unsafe_crate(
    files: &[Text],
    (folder, file, most): (&str, &str, usize),
    manifest: &str,
) -> Vec<String> {
    let source = format!("{folder}/src/");
    let own = || files.iter().filter(|text| text.path.starts_with(&source));
    let (may, may_not): (Vec<&Text>, Vec<&Text>) =
        own().partition(|text| text.path.ends_with(file));
    let lines: usize = may.iter().map(|text| text.text.lines().count()).sum();
    let mut found = Vec::new();
    if !(1..=most).contains(&lines) {
        found.push(format!("{source}{file} has {lines} lines"));
    }
    for text in may_not {
        let levels = levels(&text.text).unwrap_or_default();
        let lines = lines_with(&levels, "unsafe").into_iter();
        found.extend(lines.map(|line| format!("{}:{line}: unsafe code", text.path)));
    }
    if !manifest.lines().any(|line| line == "undocumented_unsafe_blocks = \"deny\"") {
        found.push(format!("{folder} takes unsafe blocks without a reason"));
    }
    found
}

fn lines_with(levels: &[Vec<TokenTree>], word: &str) -> Vec<usize> {
    levels.iter().flatten().filter(|token| is_word(token, word)).map(line).collect()
}

/// Absolute paths that exist on somebody's machine only.
pub(crate) fn machine_paths(file: &Text) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let found =
        lines.filter(|(_, line)| MACHINE_FOLDERS.iter().any(|folder| names_folder(line, folder)));
    found.map(|(index, _)| format!("{}:{}: a path of one machine", file.path, index + 1)).collect()
}

fn names_folder(line: &str, folder: &str) -> bool {
    let path = format!("/{folder}/");
    let mut starts =
        line.match_indices(&path).map(|(start, _)| line.get(..start).unwrap_or_default());
    starts.any(|before| !before.ends_with(is_part_of_path))
}

fn is_part_of_path(character: char) -> bool {
    character.is_alphanumeric() || "._-}*~".contains(character)
}

#[test]
fn mod_rs_is_refused() {
    assert!(mod_rs(&Text::sample("src/a.rs", "")).is_empty());
    assert!(mod_rs(&Text::sample("src/a_mod.rs", "")).is_empty());
    assert_eq!(mod_rs(&Text::sample("src/a/mod.rs", "")).len(), 1);
}

#[test]
fn an_ignored_test_is_refused() {
    let fence = "```";
    for text in [
        "#[test]\n#[ignore]\nfn a() {}",
        "#[ignore = \"slow\"]\nfn a() {}",
        "proptest! { #[cfg_attr(debug_assertions, ignore)] fn a() {} }",
        &format!("/// {fence}rust,ignore\n/// {fence}\nfn a() {{}}"),
    ] {
        assert_eq!(ignored(&Text::sample("a.rs", text)).len(), 1, "{text}");
    }
    let harmless = "// #[ignore]\nconst A: &str = \"#[ignore]\";\n#[error(\"ignore\")]\nstruct B;";
    assert!(ignored(&Text::sample("a.rs", harmless)).is_empty());
}

#[test]
fn a_sleep_in_a_test_is_refused() {
    let call = "fn a() { std::thread::sleep(PAUSE); }\n";
    let import = "use tokio::time::{Instant, sleep};\n";
    assert!(sleeps(&Text::sample("crates/a/src/b.rs", &format!("{call}{import}"))).is_empty());
    assert_eq!(sleeps(&Text::sample("crates/a/src/b/tests.rs", call)).len(), 1);
    assert_eq!(sleeps(&Text::sample("tests/e2e/main.rs", import)).len(), 1);
    let module = format!("#[cfg(test)]\nmod tests {{\n{call}}}\n");
    assert_eq!(sleeps(&Text::sample("crates/a/src/b.rs", &module)).len(), 1);
}

#[test]
fn unsafe_code_in_the_bindings_is_refused() {
    let text = "// unsafe\nfn a() { unsafe { b() } }\n";
    assert_eq!(unsafe_code(&Text::sample("bindings/ffi/src/lib.rs", text)).len(), 1);
    assert!(unsafe_code(&Text::sample("tests/a.rs", text)).is_empty());
}

#[test]
fn more_unsafe_code_is_refused() {
    let file =
        |name: &str, lines: usize| Text::sample(&format!("a/src/{name}"), &"a\n".repeat(lines));
    let manifest = "undocumented_unsafe_blocks = \"deny\"\n";
    let whole = ("a", "", 150);
    assert!(unsafe_crate(&[file("a.rs", 100), file("b.rs", 50)], whole, manifest).is_empty());
    assert_eq!(unsafe_crate(&[file("a.rs", 100), file("b.rs", 51)], whole, "").len(), 2);
    assert_eq!(unsafe_crate(&[], whole, manifest).len(), 1);
    let one = ("a", "b.rs", 50);
    let elsewhere = Text::sample("a/src/a.rs", "fn a() { unsafe { b() } }\n");
    assert_eq!(unsafe_crate(&[file("b.rs", 50), elsewhere], one, manifest).len(), 1);
}

#[test]
fn a_path_of_one_machine_is_refused() {
    for folder in MACHINE_FOLDERS {
        let text = format!("first\ncd /{folder}/here\n");
        assert_eq!(machine_paths(&Text::sample("a.sh", &text)), ["a.sh:2: a path of one machine"]);
        let harmless = format!("see ../{folder}/here and https://example.org/{folder}/here\n");
        assert!(machine_paths(&Text::sample("a.md", &harmless)).is_empty());
    }
}
