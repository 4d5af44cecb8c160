//! Kotlin phones and a Python coordinator around a relay: every one a process, every one with its own copy of the library.

use std::path::Path;

use super::jvm::Jvm;
use super::python;
use crate::artifacts::Artifacts;
use crate::bindings::{self, Language};
use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

const PHONE: &str = "bindings/kotlin/phone";
const TEST: &str = "bindings/python/tests/team.py";

/// Generates both, compiles the phone, and has the coordinator start it.
pub(super) fn run(places: &Places) -> Result<(), Failure> {
    install::program("python3", "python3")?;
    let jvm = Jvm::install(places)?;
    let artifacts = Artifacts::build(places)?;
    let kotlin = bindings::generate(places, &artifacts, Language::Kotlin)?;
    let jar = places.build().join("kotlin/haversack-phone.jar");
    jvm.compile(places, &[&kotlin, Path::new(PHONE)], &jar)?;
    let mut command = python::command(places, &artifacts)?;
    let phone = jvm.java(places, &artifacts, &jar, "phone.PhoneKt");
    command.arg(TEST).arg(phone.get_program()).args(phone.get_args());
    shell::run(&mut command)
}
