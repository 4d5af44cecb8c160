//! The Kotlin compiler, and the JVM that runs what it compiled against the built library.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artifacts::Artifacts;
use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

const JNA: &str = "/usr/share/java/jna.jar";

/// A compiler, and the jars that everything is compiled against and run with.
#[derive(Debug)]
pub(super) struct Jvm {
    compiler: PathBuf,
    jars: Vec<PathBuf>,
}

impl Jvm {
    /// Makes sure of the compiler and of what the generated file needs.
    ///
    /// # Errors
    /// When one of them cannot be installed.
    pub(super) fn install(places: &Places) -> Result<Self, Failure> {
        let compiler = install::kotlin(places)?;
        install::files(&[JNA], &["libjna-java=5.13.0-2"])?;
        let library = compiler.join("lib");
        let jars = vec![
            PathBuf::from(JNA),
            library.join("kotlin-stdlib.jar"),
            library.join("kotlinx-coroutines-core-jvm.jar"),
        ];
        Ok(Self { compiler, jars })
    }

    /// Adds jars to those it has.
    pub(super) fn with(mut self, jars: &[&str]) -> Self {
        self.jars.extend(jars.iter().map(PathBuf::from));
        self
    }

    /// Compiles the files of the folders `sources` into `jar`.
    ///
    /// # Errors
    /// When the compiler fails.
    pub(super) fn compile(
        &self,
        places: &Places,
        sources: &[&Path],
        jar: &Path,
    ) -> Result<(), Failure> {
        let mut command = places.command(self.compiler.join("bin/kotlinc"));
        // The class library of Java 8 is the nearest that a JVM has to Android's.
        command.args(["-nowarn", "-jvm-target", "1.8", "-Xjdk-release=1.8"]);
        command.arg("-classpath").arg(self.class_path(None));
        command.arg("-d").arg(jar).args(sources);
        shell::run(&mut command)
    }

    /// Prepares to run the class `main` of `jar`.
    pub(super) fn java(
        &self,
        places: &Places,
        artifacts: &Artifacts,
        jar: &Path,
        main: &str,
    ) -> Command {
        let mut library = OsString::from("-Duniffi.component.haversack.libraryOverride=");
        library.push(&artifacts.library);
        let mut command = places.command("java");
        command.arg(library).arg("-classpath").arg(self.class_path(Some(jar))).arg(main);
        command
    }

    fn class_path(&self, jar: Option<&Path>) -> OsString {
        let jars = self.jars.iter().map(PathBuf::as_path).chain(jar);
        jars.map(Path::as_os_str).collect::<Vec<_>>().join(":".as_ref())
    }
}
