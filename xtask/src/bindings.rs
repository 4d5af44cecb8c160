//! `cargo xtask bindings`: generates the foreign side of `bindings/ffi` from the built library.

use std::path::{Path, PathBuf};

use crate::artifacts::Artifacts;
use crate::install;
use crate::places::Places;
use crate::shell::{self, Failure};

/// A language that has bindings.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Language {
    Kotlin,
    Swift,
    Python,
}

impl Language {
    const ALL: [Self; 3] = [Self::Kotlin, Self::Swift, Self::Python];

    const fn name(self) -> &'static str {
        match self {
            Self::Kotlin => "kotlin",
            Self::Swift => "swift",
            Self::Python => "python",
        }
    }
}

/// Generates the bindings of every language.
pub(crate) fn run(places: &Places) -> Result<(), Failure> {
    let artifacts = Artifacts::build(places)?;
    for language in Language::ALL {
        let folder = generate(places, &artifacts, language)?;
        println!("{}: {}", language.name(), folder.display());
    }
    Ok(())
}

/// Generates the bindings of one language and returns their folder, which holds nothing else.
///
/// # Errors
/// When the generator cannot be installed, or fails.
pub(crate) fn generate(
    places: &Places,
    artifacts: &Artifacts,
    language: Language,
) -> Result<PathBuf, Failure> {
    let folder = places.build().join("bindings").join(language.name());
    empty(&folder).map_err(Failure::failed)?;
    let mut command = places.command(install::uniffi_bindgen(places)?);
    command.args(["generate", "--no-format", "--metadata-no-deps"]);
    command.args(["--language", language.name()]);
    command.arg("--out-dir").arg(&folder).arg(&artifacts.library);
    shell::run(&mut command)?;
    if matches!(language, Language::Python) {
        lay_beside(&artifacts.library, &folder)?;
    }
    Ok(folder)
}

fn empty(folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)
}

/// The Python module loads the library from its own folder.
fn lay_beside(library: &Path, folder: &Path) -> Result<(), Failure> {
    let name = library.file_name().unwrap_or_default();
    std::fs::copy(library, folder.join(name)).map_err(Failure::failed)?;
    Ok(())
}
