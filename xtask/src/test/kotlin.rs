//! The Kotlin bindings, compiled by the real compiler and run on a JVM: the same generated file that Android uses.

use std::path::Path;

use super::jvm::Jvm;
use crate::artifacts::Artifacts;
use crate::bindings::{self, Language};
use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

const TESTS: &str = "bindings/kotlin/tests";
const JUNIT: [&str; 2] = ["/usr/share/java/junit4.jar", "/usr/share/java/hamcrest.jar"];

/// Generates, compiles and runs.
pub(super) fn run(places: &Places) -> Result<(), Failure> {
    install::files(&JUNIT, &["junit4=4.13.2-3"])?;
    let jvm = Jvm::install(places)?.with(&JUNIT);
    let artifacts = Artifacts::build(places)?;
    let generated = bindings::generate(places, &artifacts, Language::Kotlin)?;
    let jar = places.build().join("kotlin/haversack-tests.jar");
    jvm.compile(places, &[&generated, Path::new(TESTS)], &jar)?;
    let mut command = jvm.java(places, &artifacts, &jar, "org.junit.runner.JUnitCore");
    command.args(test_classes(places)?);
    artifacts.tell(&mut command);
    shell::run(&mut command)
}

/// One class a file: `haversack/FooTest.kt` holds `haversack.FooTest`.
fn test_classes(places: &Places) -> Result<Vec<String>, Failure> {
    let folder = places.root().join(TESTS).join("haversack");
    let mut classes = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Failure::failed)? {
        let name = entry.map_err(Failure::failed)?.file_name();
        let class = name.to_str().and_then(|name| name.strip_suffix(".kt"));
        classes.extend(
            class.filter(|class| class.ends_with("Test")).map(|class| format!("haversack.{class}")),
        );
    }
    classes.sort();
    if classes.is_empty() {
        return Err(Failure::Failed(format!("no test class in {TESTS}")));
    }
    Ok(classes)
}
