//! What every command takes: which store, whose passphrase, which format.

use std::fs::DirBuilder;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ValueEnum, ValueHint};
use haversack::model::SpaceName;
use haversack::{Bind, Cost, CreateOptions, EngineError, FileKey, Guesses, Notebook, Passphrase};

use crate::error::Error;
use crate::input;
use crate::output::Format;
use crate::passphrase::{Secret, Secrets};

/// What a relay keeps its frames in.
const RELAY_FILE: &str = "relay.db";

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
    /// One of the store's further spaces, as haversack space list names them; without this, its first
    #[arg(long, global = true, value_name = "NAME")]
    #[arg(value_parser = input::space_name)]
    space: Option<SpaceName>,
    /// Takes the passphrase from a file's first line, - for stdin's; without this it is asked for on the terminal
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    passphrase_file: Option<PathBuf>,
    /// A file outside of the store, without which the passphrase opens nothing; haversack help init says what it is
    /// worth
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    key_file: Option<PathBuf>,
    /// What stretching a new passphrase costs. For tests: the floor takes no time, and an attacker as little
    #[arg(long, global = true, hide = true, default_value = "calibrated")]
    stretch: Stretch,
    /// Prints JSON: the result on stdout, or {"error": {"code", "message", "hints"}} on stderr
    #[arg(long, global = true)]
    json: bool,
}

/// What stretching a new passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stretch {
    /// What this device can bear.
    Calibrated,
    /// The least that is allowed.
    Floor,
}

/// How a new store is guarded.
#[derive(Debug, clap::Args)]
pub(crate) struct Guard {
    /// Wipes the store after so many wrong passphrases in a row; 0 for never
    #[arg(long, value_name = "N", default_value_t = 0)]
    wipe_after: u16,
    /// Takes a passphrase that somebody with a copy of the store could find by trying
    #[arg(long)]
    weak_passphrase: bool,
}

impl Global {
    /// How results and errors are shown.
    pub(crate) const fn format(&self) -> Format {
        match self.json {
            true => Format::Json,
            false => Format::Text,
        }
    }

    /// The store's folder.
    pub(crate) fn folder(&self) -> Result<&Path, Error> {
        self.store.as_deref().ok_or(Error::StoreNotNamed)
    }

    /// Refuses a further space where the command is about the store as a whole.
    pub(crate) fn whole(&self) -> Result<(), Error> {
        self.space.as_ref().map_or(Ok(()), |_| Err(Error::WholeStore))
    }

    /// The further space that is asked for.
    pub(crate) const fn space(&self) -> Option<&SpaceName> {
        self.space.as_ref()
    }

    /// Opens the store, or the further space of it that is asked for.
    pub(crate) fn open(&self) -> Result<Notebook, Error> {
        self.open_within(&self.open_first()?)
    }

    /// Opens the further space that is asked for; without one, it is the store itself.
    pub(crate) fn open_within(&self, first: &Notebook) -> Result<Notebook, Error> {
        self.space.as_ref().map_or(Ok(first.clone()), |name| Ok(first.open_space(name)?))
    }

    /// Opens the store.
    pub(crate) fn open_first(&self) -> Result<Notebook, Error> {
        self.find()?;
        let key = self.key()?;
        let secret = self.secrets().ask()?;
        self.open_with(&secret.passphrase()?, key.as_ref())
    }

    /// Makes sure that there is a store and that nobody has it open, before anybody types a secret at a mistyped path.
    pub(crate) fn find(&self) -> Result<(), Error> {
        Ok(haversack::check_locked(self.folder()?)?)
    }

    /// Opens the store with a passphrase; waits first, and says so, when many before it were wrong.
    pub(crate) fn open_with(
        &self,
        passphrase: &Passphrase,
        key: Option<&FileKey>,
    ) -> Result<Notebook, Error> {
        let wait = |time: Duration| {
            if self.format() == Format::Text {
                let seconds = time.as_secs();
                let line = format!("after so many wrong passphrases: waiting {seconds} s\n");
                let _ = std::io::stderr().write_all(line.as_bytes());
            }
            std::thread::sleep(time);
        };
        let key = key.map(|key| key as &dyn Bind);
        let opened = Notebook::open_with(self.folder()?, passphrase, key, wait);
        opened.map_err(|why| self.not_opened(why))
    }

    /// A secret that is wrong, with what its count comes to.
    fn not_opened(&self, why: haversack::Error) -> Error {
        let wrong = matches!(why, haversack::Error::Engine(EngineError::WrongPassphrase));
        let folder = self.store.as_deref().filter(|_| wrong);
        match folder.map(haversack::attempts) {
            Some(Ok(attempts)) => Error::NotOpened { why: Box::new(why), attempts },
            _ => why.into(),
        }
    }

    /// Makes a store.
    pub(crate) fn create(&self, guard: &Guard) -> Result<Notebook, Error> {
        self.folder()?;
        let secrets = self.secrets();
        let secret = secrets.ask()?;
        secrets.confirm(&secret)?;
        self.make(&secret, guard)
    }

    /// Opens the store, or makes it where there is none; and likewise the further space that is asked for.
    pub(crate) fn open_or_create(&self, guard: &Guard) -> Result<Notebook, Error> {
        let first = match haversack::check_locked(self.folder()?) {
            Err(haversack::Error::Engine(EngineError::NoStore)) => self.create(guard),
            _ => self.open_first(),
        }?;
        let Some(name) = &self.space else { return Ok(first) };
        match first.spaces()?.contains(name) {
            true => Ok(first.open_space(name)?),
            false => Ok(first.add_space(name)?),
        }
    }

    fn make(&self, secret: &Secret, guard: &Guard) -> Result<Notebook, Error> {
        let (folder, passphrase) = (self.folder()?, secret.passphrase()?);
        if folder.join(RELAY_FILE).exists() {
            return Err(Error::RelayInStore);
        }
        let accept_weak = guard.weak_passphrase;
        check_strength(&passphrase, self.key_file.is_some(), accept_weak)?;
        let key = self.key_or_new()?;
        let hardware = key.as_ref().map(|key| key as &dyn Bind);
        private_folder(folder);
        let options = CreateOptions {
            cost: self.cost(),
            hardware,
            wipe_after: guard.wipe_after,
            accept_weak,
        };
        Ok(Notebook::create(folder, &passphrase, options)?)
    }

    /// The secret of the key file, if one is named.
    pub(crate) fn key(&self) -> Result<Option<FileKey>, Error> {
        self.key_file.as_deref().map(key_of).transpose()
    }

    /// The same, made where there is none: for a new passphrase.
    pub(crate) fn key_or_new(&self) -> Result<Option<FileKey>, Error> {
        let Some(path) = self.key_file.as_deref() else { return Ok(None) };
        if path.starts_with(self.folder()?) {
            return Err(Error::KeyInStore);
        }
        match path.exists() {
            true => Ok(Some(key_of(path)?)),
            false => Ok(Some(haversack::make_file_key(path)?)),
        }
    }

    /// What stretching a new passphrase costs.
    pub(crate) fn cost(&self) -> Cost {
        match self.stretch {
            Stretch::Calibrated => haversack::calibrated(),
            Stretch::Floor => Cost::FLOOR,
        }
    }

    fn secrets(&self) -> Secrets<'_> {
        Secrets::from(self.passphrase_file.as_deref())
    }
}

/// The secret of a key file. A slip in its path says nothing about the store.
fn key_of(path: &Path) -> Result<FileKey, Error> {
    FileKey::open(path).map_err(|error| match error {
        EngineError::Damaged { .. } => Error::NotAKeyFile { path: path.to_owned() },
        EngineError::Hardware => Error::NoKeyFile { path: path.to_owned() },
        other => other.into(),
    })
}

/// Refuses a weak passphrase before anything is made for it.
fn check_strength(passphrase: &Passphrase, bound: bool, accept_weak: bool) -> Result<(), Error> {
    let guesses = if bound { Guesses::NeedHardware } else { Guesses::AreFree };
    match accept_weak {
        true => Ok(()),
        false => Ok(passphrase.check_strength(guesses)?),
    }
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
