//! Where a passphrase comes from: a file, or the terminal without echo. Never an argument, never the environment,
//! which other programs of the same machine can see.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::ValueHint;
use haversack::{Guesses, Passphrase, RecoveryCode};
use zeroize::Zeroizing;

use crate::error::Error;

/// The longest first line that is read from a file, its line break included; longer ones are refused later.
const LINE_BYTES_MAX: usize = 4_096;

/// What somebody is asked for without echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Passphrase,
    NewPassphrase,
    BundlePassphrase,
    RecoveryCode,
    Share,
}

impl Asked {
    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::NewPassphrase => "new passphrase",
            Self::BundlePassphrase => "passphrase of the bundle",
            Self::RecoveryCode => "recovery code",
            Self::Share => "shares of the root key",
        }
    }

    /// The option that names a file with it.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Self::Passphrase => "--passphrase-file",
            Self::NewPassphrase => "--new-passphrase-file",
            Self::BundlePassphrase => "--bundle-passphrase-file",
            Self::RecoveryCode => "--code-file",
            Self::Share => "--share-file",
        }
    }
}

/// A passphrase as it was typed, gone from memory when dropped.
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// What was typed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The passphrase, as a store takes it.
    pub(crate) fn passphrase(&self) -> Result<Passphrase, Error> {
        let passphrase = Passphrase::new(self.0.to_vec())?;
        passphrase.check_is_some()?;
        Ok(passphrase)
    }
}

/// Where a new passphrase comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Takes the new passphrase from a file's first line; without this it is asked for on the terminal, twice
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    new_passphrase_file: Option<PathBuf>,
    /// Takes a passphrase that somebody with a copy of the store could find by trying
    #[arg(long)]
    pub(crate) weak_passphrase: bool,
}

impl New {
    /// Takes the new passphrase.
    pub(crate) fn ask(&self, question: &str) -> Result<Passphrase, Error> {
        let secrets = Secrets::from(self.new_passphrase_file.as_deref());
        let secret = secrets.ask_for(Asked::NewPassphrase, question)?;
        secrets.confirm(&secret)?;
        secret.passphrase()
    }
}

/// Where the passphrase of a bundle comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct OfBundle {
    /// Takes the bundle's passphrase from a file's first line; without this it is asked for on the terminal
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle_passphrase_file: Option<PathBuf>,
}

impl OfBundle {
    /// Takes that of a bundle that is here.
    pub(crate) fn ask(&self) -> Result<Passphrase, Error> {
        let secrets = Secrets::from(self.bundle_passphrase_file.as_deref());
        secrets.ask_for(Asked::BundlePassphrase, "Passphrase of the bundle: ")?.passphrase()
    }

    /// Takes one for a new bundle. Whoever finds the file can try as often as they like.
    pub(crate) fn ask_new(&self) -> Result<Passphrase, Error> {
        let secrets = Secrets::from(self.bundle_passphrase_file.as_deref());
        let secret = secrets.ask_for(Asked::BundlePassphrase, "Passphrase for the bundle: ")?;
        secrets.confirm(&secret)?;
        let passphrase = secret.passphrase()?;
        passphrase.check_strength(Guesses::AreFree)?;
        Ok(passphrase)
    }
}

/// Where a recovery code comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct Code {
    /// Takes the twelve words from a file's first line; without this they are asked for on the terminal
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    code_file: Option<PathBuf>,
}

impl Code {
    /// Takes the code.
    pub(crate) fn ask(&self) -> Result<RecoveryCode, Error> {
        let secrets = Secrets::from(self.code_file.as_deref());
        let secret = secrets.ask_for(Asked::RecoveryCode, "Recovery code, twelve words: ")?;
        Ok(RecoveryCode::parse(secret.bytes())?)
    }
}

/// Where passphrases come from in this run.
pub(crate) enum Secrets<'a> {
    /// The first line of a file; `-` is the next line of stdin.
    File(&'a Path),
    /// Whoever sits at the terminal.
    Terminal,
}

impl<'a> From<Option<&'a Path>> for Secrets<'a> {
    fn from(file: Option<&'a Path>) -> Self {
        file.map_or(Self::Terminal, Self::File)
    }
}

impl Secrets<'_> {
    /// Takes the passphrase.
    pub(crate) fn ask(&self) -> Result<Secret, Error> {
        self.ask_for(Asked::Passphrase, "Passphrase: ")
    }

    /// Takes a secret of another name.
    pub(crate) fn ask_for(&self, asked: Asked, question: &str) -> Result<Secret, Error> {
        match self {
            Self::File(path) => first_line(path).map_err(|source| Error::PassphraseFile { source }),
            Self::Terminal => prompt(asked, question),
        }
    }

    /// For a new passphrase: has it typed again. What stands in a file was not typed just now.
    pub(crate) fn confirm(&self, secret: &Secret) -> Result<(), Error> {
        match self {
            Self::File(_) => Ok(()),
            Self::Terminal if prompt(Asked::NewPassphrase, "The same again: ")?.0 == secret.0 => {
                Ok(())
            }
            Self::Terminal => Err(Error::PassphrasesDiffer),
        }
    }
}

fn first_line(path: &Path) -> std::io::Result<Secret> {
    match path == Path::new("-") {
        // Byte by byte: what follows the line is for whoever reads stdin next.
        true => read_line(std::io::stdin().lock(), 1),
        false => read_line(File::open(path)?, LINE_BYTES_MAX),
    }
}

fn read_line(mut source: impl Read, step: usize) -> std::io::Result<Secret> {
    // Read into a buffer that never moves, so that no copy stays behind.
    let mut line = Zeroizing::new(vec![0; LINE_BYTES_MAX]);
    let mut len = 0;
    while let Some(rest) = line.get_mut(len..).filter(|rest| !rest.is_empty()) {
        let end = step.min(rest.len());
        match source.read(rest.get_mut(..end).unwrap_or_default())? {
            0 => break,
            read => len += read,
        }
        if line.iter().take(len).any(|byte| *byte == b'\n') {
            break;
        }
    }
    line.truncate(len);
    if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
        line.truncate(end);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Secret(line))
}

/// Asks on the terminal itself, whatever stdin and stdout are, provided that somebody seems to sit there.
fn prompt(asked: Asked, question: &str) -> Result<Secret, Error> {
    if !std::io::stdin().is_terminal() && !std::io::stderr().is_terminal() {
        return Err(Error::NoSecret { asked });
    }
    let typed = rpassword::prompt_password(question);
    typed
        .map(|text| Secret(Zeroizing::new(text.into_bytes())))
        .map_err(|source| Error::Terminal { source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_without_its_end() {
        let check = |content: &[u8], expect: &[u8]| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), content).unwrap();
            assert_eq!(first_line(file.path()).unwrap().0.as_slice(), expect);
        };
        check(b"one two\n", b"one two");
        check(b"one two\r\n", b"one two");
        check(b"one two", b"one two");
        check(b" spaces stay \nsecond", b" spaces stay ");
        check("烟花 三月\n".as_bytes(), "烟花 三月".as_bytes());
        check(b"", b"");
        check(b"\nsecond", b"");
        check(&[b'a'; 5_000], &[b'a'; LINE_BYTES_MAX]);
        assert!(first_line(Path::new("no such file")).is_err());
    }
}
