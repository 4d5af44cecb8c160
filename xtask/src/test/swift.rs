//! The Swift bindings, as far as they can be proved without Apple's compiler: their syntax, the symbols of their C header,
//! and that header used by a C program, which calls the very interface that the Swift code calls.

use std::collections::BTreeSet;
use std::path::Path;

use crate::artifacts::Artifacts;
use crate::bindings::{self, Language};
use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

const FOLDER: &str = "bindings/swift";
const HEADER: &str = "HaversackFFI.h";

/// Generates, parses, compares symbols, compiles the driver and runs it.
pub(super) fn run(places: &Places) -> Result<(), Failure> {
    let folder = places.root().join(FOLDER);
    let python = install::python(places, &folder.join("requirements.txt"))?;
    install::program("gcc", "gcc")?;
    install::program("nm", "binutils")?;
    let artifacts = Artifacts::build(places)?;
    let generated = bindings::generate(places, &artifacts, Language::Swift)?;
    let mut parse = places.command(python);
    parse.arg("-B").arg(folder.join("tests/check_syntax.py")).arg(&generated).arg(&folder);
    shell::run(&mut parse)?;
    check_symbols(&generated.join(HEADER), &artifacts)?;
    drive(places, &generated, &artifacts)
}

fn check_symbols(header: &Path, artifacts: &Artifacts) -> Result<(), Failure> {
    let header = std::fs::read_to_string(header).map_err(Failure::failed)?;
    let mut nm = std::process::Command::new("nm");
    nm.args(["--dynamic", "--defined-only", "--format=just-symbols"]).arg(&artifacts.library);
    let listed = shell::capture(&mut nm)?;
    let missing = missing(&declared(&header), &listed);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("declared, but not in the library: {}", missing.join(", "))))
}

/// The functions that the header declares: every word with the crate's prefix that an opening bracket follows.
fn declared(header: &str) -> BTreeSet<&str> {
    let words = header.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '(');
    words
        .filter_map(|word| word.split_once('('))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("uniffi_") || name.starts_with("ffi_"))
        .collect()
}

fn missing<'a>(declared: &BTreeSet<&'a str>, listed: &str) -> Vec<&'a str> {
    let present: BTreeSet<&str> = listed.lines().map(str::trim).collect();
    if declared.is_empty() {
        return vec!["anything"];
    }
    declared.iter().copied().filter(|name| !present.contains(name)).collect()
}

/// The driver makes a store there.
fn emptied(folder: &Path) -> Result<&Path, Failure> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(Failure::failed)?;
    }
    Ok(folder)
}

fn drive(places: &Places, generated: &Path, artifacts: &Artifacts) -> Result<(), Failure> {
    let folder = places.build().join("swift");
    std::fs::create_dir_all(&folder).map_err(Failure::failed)?;
    let driver = folder.join("driver");
    let mut gcc = places.command("gcc");
    gcc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-pthread"]);
    // Clang's annotations, which gcc does not know.
    gcc.args(["-D_Nullable=", "-D_Nonnull="]).arg("-I").arg(generated);
    gcc.arg(Path::new(FOLDER).join("tests/driver.c")).arg(&artifacts.library);
    shell::run(gcc.arg("-o").arg(&driver))?;
    let mut command = places.command(&driver);
    command.arg(emptied(&folder.join("store"))?).arg(emptied(&folder.join("phone"))?);
    command.env("LD_LIBRARY_PATH", artifacts.library.parent().unwrap_or(places.target()));
    artifacts.tell(&mut command);
    shell::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::{declared, missing};

    const HEADER: &str = "
        #define UNIFFI_FFIDEF_A
        typedef void (*UniffiCallback)(uint64_t, int8_t);
        RustBuffer uniffi_bag_fn_func_version(RustCallStatus *_Nonnull out_status
        );
        void ffi_bag_free(uint64_t handle
        );";

    #[test]
    fn finds_the_functions_of_a_header() {
        let names: Vec<_> = declared(HEADER).into_iter().collect();
        assert_eq!(names, ["ffi_bag_free", "uniffi_bag_fn_func_version"]);
    }

    #[test]
    fn a_function_that_the_library_lacks_is_named() {
        let declared = declared(HEADER);
        assert_eq!(missing(&declared, "ffi_bag_free\n"), ["uniffi_bag_fn_func_version"]);
        assert!(missing(&declared, "uniffi_bag_fn_func_version\nffi_bag_free\n").is_empty());
        assert_eq!(missing(&super::declared(""), "ffi_bag_free\n"), ["anything"]);
    }
}
