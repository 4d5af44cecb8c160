//! Installing what a suite needs, at exact versions, into `build/` or as Debian packages where this user may.
//!
//! Whatever cannot be installed is a [`Failure::Missing`]: the suite that asked for it decides nothing, the runner does.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::places::Places;
use crate::shell::{self, Failure};

const KOTLIN_VERSION: &str = "2.4.20";

/// Makes sure that `program` starts, from the Debian `package` if need be.
pub(crate) fn program(program: &str, package: &str) -> Result<(), Failure> {
    if shell::exists(program) {
        return Ok(());
    }
    debian(&[package]).map_err(|failure| failure.into_missing(program))
}

/// Makes sure that all `files` are there, from Debian `packages` (`name=version`) if need be.
pub(crate) fn files(files: &[&str], packages: &[&str]) -> Result<(), Failure> {
    match files.iter().find(|file| !Path::new(file).exists()) {
        None => Ok(()),
        Some(file) => debian(packages).map_err(|failure| failure.into_missing(file)),
    }
}

/// Makes sure of the Kotlin compiler and returns its folder.
pub(crate) fn kotlin(places: &Places) -> Result<PathBuf, Failure> {
    program("javac", "default-jdk-headless")?;
    let prefix = tools(places, &format!("kotlin-{KOTLIN_VERSION}"))?;
    let folder = prefix.join("node_modules/kotlin-compiler");
    if !folder.join("bin/kotlinc").exists() {
        program("npm", "npm")?;
        let mut command = places.command("npm");
        command.arg("install").arg("--prefix").arg(&prefix);
        command.args(["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"]);
        command.arg(format!("kotlin-compiler@{KOTLIN_VERSION}"));
        shell::run(&mut command).map_err(|failure| failure.into_missing("kotlinc"))?;
    }
    Ok(folder)
}

/// Makes sure of a virtual environment with the packages of `requirements`, and returns its Python.
pub(crate) fn python(places: &Places, requirements: &Path) -> Result<PathBuf, Failure> {
    program("python3", "python3-venv")?;
    let folder = tools(places, "python")?;
    let python = folder.join("bin/python");
    if !python.exists() {
        let mut command = places.command("python3");
        command.args(["-m", "venv"]).arg(&folder);
        shell::run(&mut command).map_err(|failure| failure.into_missing("venv"))?;
    }
    let mut command = places.command(&python);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    command.arg("--requirement").arg(requirements);
    shell::run(&mut command).map_err(|failure| failure.into_missing("a Python package"))?;
    Ok(python)
}

/// Makes sure of uniffi's generator, at the version that the library is built with, and returns its path.
///
/// It is installed from its own package, with that package's lock file, so that no build of the workspace pays for it.
pub(crate) fn uniffi_bindgen(places: &Places) -> Result<PathBuf, Failure> {
    let version = locked_version(places, "uniffi")?;
    let folder = tools(places, &format!("uniffi-{version}"))?;
    let program = folder.join("bin/uniffi-bindgen");
    if !program.exists() {
        let mut command = places.cargo();
        command.args(["install", "uniffi", "--locked", "--features", "cli", "--debug"]);
        command.args(["--bin", "uniffi-bindgen", "--version", &format!("={version}")]);
        command.arg("--root").arg(&folder);
        command.arg("--target-dir").arg(places.target().join("uniffi-bindgen"));
        shell::run(&mut command).map_err(|failure| failure.into_missing("uniffi-bindgen"))?;
    }
    Ok(program)
}

fn tools(places: &Places, name: &str) -> Result<PathBuf, Failure> {
    let folder = places.build().join("tools").join(name);
    std::fs::create_dir_all(&folder).map_err(Failure::failed)?;
    Ok(folder)
}

fn debian(packages: &[&str]) -> Result<(), Failure> {
    let user = shell::capture(Command::new("id").arg("-u"))?;
    if user.trim() != "0" {
        return Err(Failure::Missing(format!("as root: apt-get install {}", packages.join(" "))));
    }
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["install", "-y", "-qq", "--no-install-recommends"]);
    shell::run(command.args(packages))
}

fn locked_version(places: &Places, package: &str) -> Result<String, Failure> {
    let path = places.root().join("Cargo.lock");
    let text = std::fs::read_to_string(path).map_err(Failure::failed)?;
    version_in(&text, package)
        .map(str::to_owned)
        .ok_or_else(|| Failure::Failed(format!("Cargo.lock names no {package}")))
}

fn version_in<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::version_in;

    const LOCK: &str = "[[package]]\nname = \"bag\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"uniffi\"\nversion = \"4.5.6\"\n";

    #[test]
    fn finds_the_version_of_a_locked_package() {
        assert_eq!(version_in(LOCK, "uniffi"), Some("4.5.6"));
        assert_eq!(version_in(LOCK, "uni"), None);
    }
}
