//! The Kotlin bindings, compiled by the real compiler and run on a JVM: the same generated file that Android uses.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::artifacts::Artifacts;
use crate::bindings::{self, Language};
use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

const TESTS: &str = "bindings/kotlin/tests";
const JNA: &str = "/usr/share/java/jna.jar";
const JUNIT: &str = "/usr/share/java/junit4.jar";
const HAMCREST: &str = "/usr/share/java/hamcrest.jar";

/// Generates, compiles and runs.
pub(super) fn run(places: &Places) -> Result<(), Failure> {
    let compiler = install::kotlin(places)?;
    install::files(&[JNA, JUNIT, HAMCREST], &["libjna-java=5.13.0-2", "junit4=4.13.2-3"])?;
    let artifacts = Artifacts::build(places)?;
    let generated = bindings::generate(places, &artifacts, Language::Kotlin)?;
    let jar = places.build().join("kotlin/haversack-tests.jar");
    compile(places, &compiler, &generated, &jar)?;
    test(places, &compiler, &artifacts, &jar)
}

fn compile(places: &Places, compiler: &Path, generated: &Path, jar: &Path) -> Result<(), Failure> {
    let mut command = places.command(compiler.join("bin/kotlinc"));
    // The class library of Java 8 is the nearest that a JVM has to Android's.
    command.args(["-nowarn", "-jvm-target", "1.8", "-Xjdk-release=1.8"]);
    command.arg("-classpath").arg(class_path(compiler, &[]));
    command.arg("-d").arg(jar).arg(generated).arg(TESTS);
    shell::run(&mut command)
}

fn test(
    places: &Places,
    compiler: &Path,
    artifacts: &Artifacts,
    jar: &Path,
) -> Result<(), Failure> {
    let mut library = OsString::from("-Duniffi.component.haversack.libraryOverride=");
    library.push(&artifacts.library);
    let mut command = places.command("java");
    command.arg(library);
    command.arg("-classpath").arg(class_path(compiler, &[jar]));
    command.arg("org.junit.runner.JUnitCore").args(test_classes(places)?);
    artifacts.tell(&mut command);
    shell::run(&mut command)
}

fn class_path(compiler: &Path, more: &[&Path]) -> OsString {
    let library = compiler.join("lib");
    let mut jars: Vec<PathBuf> = [JNA, JUNIT, HAMCREST].map(PathBuf::from).to_vec();
    jars.push(library.join("kotlin-stdlib.jar"));
    jars.push(library.join("kotlinx-coroutines-core-jvm.jar"));
    jars.extend(more.iter().map(|jar| jar.to_path_buf()));
    jars.iter().map(|jar| jar.as_os_str()).collect::<Vec<_>>().join(":".as_ref())
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
