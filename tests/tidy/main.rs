//! The rules of the house, as tests: which crate may know which, how long a function may be, what may not be written.
//!
//! Every rule is a small function from text, or from cargo's own description of the workspace, to a list of violations; here
//! each is handed the real files, and beside each stands a test that hands it something it must refuse.

mod files;
mod graph;
mod lints;
mod lock;
mod modules;
mod size;
mod sql;
mod tokens;
mod words;

use std::path::Path;

use cargo_metadata::{Metadata, MetadataCommand};

use files::Text;

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(haversack_tests::root().join("Cargo.toml"));
    command.no_deps().exec().unwrap_or_else(|error| fail(&[error.to_string()]))
}

fn texts() -> Vec<Text> {
    files::read(haversack_tests::root()).unwrap_or_else(|error| fail(&[error.to_string()]))
}

/// Runs a rule over every file whose name ends with one of `endings`.
fn over_files(endings: &[&str], rule: impl Fn(&Text) -> Vec<String>) -> Vec<String> {
    let texts = texts();
    let concerned = texts.iter().filter(|text| endings.iter().any(|end| text.path.ends_with(end)));
    concerned.flat_map(rule).collect()
}

fn read(path: &str) -> String {
    let path = haversack_tests::root().join(path);
    std::fs::read_to_string(path).unwrap_or_else(|error| fail(&[error.to_string()]))
}

fn expect_none(violations: &[String]) {
    if !violations.is_empty() {
        fail(violations);
    }
}

#[expect(clippy::panic, reason = "this is how a test fails")]
fn fail(violations: &[String]) -> ! {
    panic!("\n{}\n", violations.join("\n"))
}

#[test]
fn crates_know_only_those_they_may() {
    expect_none(&graph::new_arrows(&graph::arrows(&metadata())));
}

#[test]
fn the_relay_cannot_decrypt() {
    let arrows = graph::arrows(&metadata());
    expect_none(&graph::reached(&arrows, "haversack-relay", "haversack-core"));
}

#[test]
fn some_dependencies_are_reserved() {
    expect_none(&graph::misplaced(&graph::dependencies(&metadata())));
}

#[test]
fn what_was_measured_is_pinned_exactly() {
    expect_none(&graph::unpinned(&graph::dependencies(&metadata())));
}

#[test]
fn cryptography_is_of_one_generation() {
    expect_none(&lock::doubled(&read("Cargo.lock")));
}

#[test]
fn lints_that_are_copied_are_those_of_the_workspace() {
    let own = ["bindings/ffi", "crates/haversack-memory", "crates/haversack-disk"];
    for manifest in own.map(|folder| format!("{folder}/Cargo.toml")) {
        let manifest = manifest.as_str();
        expect_none(&lints::drift(&read("Cargo.toml"), manifest, &read(manifest)));
    }
}

#[test]
fn what_lays_a_store_bare_is_in_no_released_build() {
    expect_none(&graph::misused(&graph::asking_for(&metadata(), "forensic"), graph::SUITES));
}

#[test]
fn what_seeds_faults_is_in_no_released_build() {
    expect_none(&graph::misused(&graph::asking_for(&metadata(), "sim"), "haversack-sim"));
}

#[test]
fn unsafe_code_is_in_one_small_crate_and_one_call_of_the_simulator_s() {
    let texts = texts();
    for folder in words::UNSAFE {
        let manifest = read(&format!("{}/Cargo.toml", folder.0));
        expect_none(&words::unsafe_crate(&texts, folder, &manifest));
    }
}

#[test]
fn functions_are_short() {
    expect_none(&over_files(&[".rs"], size::long_functions));
}

#[test]
fn files_are_short() {
    expect_none(&over_files(&[".rs"], size::long_files));
}

#[test]
fn every_file_belongs_to_a_target() {
    let metadata = metadata();
    let root = haversack_tests::root();
    let reached = modules::reached(&metadata).unwrap_or_else(|error| fail(&[error.to_string()]));
    let paths: Vec<_> = texts().into_iter().map(|text| root.join(text.path)).collect();
    let all: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    expect_none(&modules::forgotten(&all, &reached));
}

#[test]
fn a_folder_s_module_stands_beside_it() {
    expect_none(&over_files(&["mod.rs"], words::mod_rs));
}

#[test]
fn no_test_is_ignored() {
    expect_none(&over_files(&[".rs"], words::ignored));
}

#[test]
fn no_test_sleeps() {
    expect_none(&over_files(&[".rs"], words::sleeps));
}

#[test]
fn nothing_unsafe_is_written_by_hand() {
    expect_none(&over_files(&[".rs"], words::unsafe_code));
}

#[test]
fn no_path_of_one_machine() {
    expect_none(&over_files(&[""], words::machine_paths));
}

#[test]
fn what_lies_on_disk_does_not_name_what_it_is() {
    expect_none(&over_files(&[".rs", ".sql"], sql::telling_names));
}
