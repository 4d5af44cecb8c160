//! What every command takes: which store, whose passphrase, which format.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use clap::ValueHint;
use haversack::{CreateOptions, EngineError, Notebook};

use crate::error::Error;
use crate::output::Format;
use crate::passphrase::{Secret, Secrets};

/// The options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The folder of this device's store
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "HAVERSACK_STORE",
        hide_env_values = true
    )]
    #[arg(value_hint = ValueHint::DirPath)]
    store: Option<PathBuf>,
    /// Takes the passphrase from a file's first line; without this it is asked for on the terminal
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    passphrase_file: Option<PathBuf>,
    /// Prints JSON: the result on stdout, or {"error": {"message", "hints"}} on stderr
    #[arg(long, global = true)]
    json: bool,
}

impl Global {
    /// How results and errors are shown.
    pub(crate) const fn format(&self) -> Format {
        match self.json {
            true => Format::Json,
            false => Format::Text,
        }
    }

    fn folder(&self) -> Result<&Path, Error> {
        self.store.as_deref().ok_or(Error::StoreNotNamed)
    }

    /// Opens the store.
    pub(crate) fn open(&self) -> Result<Notebook, Error> {
        let folder = self.folder()?;
        let secret = self.secrets().ask()?;
        Ok(Notebook::open(folder, &secret.passphrase()?)?)
    }

    /// Makes a store.
    pub(crate) fn create(&self) -> Result<Notebook, Error> {
        let folder = self.folder()?;
        let secrets = self.secrets();
        let secret = secrets.ask()?;
        secrets.confirm(&secret)?;
        make(folder, &secret)
    }

    /// Opens the store, or makes it where there is none.
    pub(crate) fn open_or_create(&self) -> Result<Notebook, Error> {
        let folder = self.folder()?;
        let secrets = self.secrets();
        let secret = secrets.ask()?;
        match Notebook::open(folder, &secret.passphrase()?) {
            Err(haversack::Error::Engine(EngineError::NoStore)) => {
                secrets.confirm(&secret)?;
                make(folder, &secret)
            }
            opened => Ok(opened?),
        }
    }

    fn secrets(&self) -> Secrets<'_> {
        Secrets::from(self.passphrase_file.as_deref())
    }
}

fn make(folder: &Path, secret: &Secret) -> Result<Notebook, Error> {
    let passphrase = secret.passphrase()?;
    private_folder(folder);
    Ok(Notebook::create(folder, &passphrase, CreateOptions::default())?)
}

/// Makes the folder of a new store readable for its owner alone: the header is what guesses are tried on. A folder
/// that is there keeps its permissions; what cannot be made is reported when the store is.
fn private_folder(folder: &Path) {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let _ = parent.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| builder.create(folder));
}

/// Closes a store that was written to, so that the next unlock is fast. The records were safe before; whether
/// the snapshot could be saved changes nothing that anybody should act upon.
pub(crate) fn close(notebook: &Notebook) {
    let _ = notebook.close();
}
