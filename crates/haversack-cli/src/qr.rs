//! A request or an answer as QR codes: on the terminal, and as pictures.
//!
//! Every code is in QR's alphanumeric mode, which the texts were made for: 5.5 bits a character instead of 8.

mod code;
mod picture;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueHint;
use haversack::code_parts;
use serde::Serialize;

use crate::error::Error;
use crate::files::{self, Replace};
use code::{Code, FOR_PICTURES, FOR_TERMINALS};
use picture::Picture;

/// The options of what can be shown as a code.
#[derive(Debug, clap::Args)]
pub(crate) struct QrArgs {
    /// Shows the text as a QR code too; a long one as several, to be scanned in any order
    #[arg(long)]
    qr: bool,
    /// Writes the QR code into a new FILE.png or FILE.svg, of several FILE-1-of-3.png and so on; delete them once they
    /// were scanned: they hold a one-time secret
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    qr_file: Option<PathBuf>,
    /// Replaces pictures that are there already
    #[arg(long, requires = "qr_file")]
    force: bool,
}

/// A text as codes.
#[derive(Debug, Serialize)]
pub(crate) struct Codes {
    /// The text of each code, for whoever draws them.
    parts: Vec<String>,
    pictures: Vec<String>,
    #[serde(skip)]
    drawn: Vec<String>,
}

impl QrArgs {
    /// Whether any code was asked for.
    pub(crate) const fn asked(&self) -> bool {
        self.qr || self.qr_file.is_some()
    }

    /// What can be refused before anything is done: a request that is made makes the one before it useless.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let Some(path) = &self.qr_file else { return Ok(()) };
        Picture::of(path).ok_or(Error::UnknownPicture)?;
        self.free([path])
    }

    /// Refuses names that are taken.
    fn free<'a>(&self, paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Error> {
        let taken = paths.into_iter().find(|path| !self.force && path.exists());
        taken.map_or(Ok(()), |path| Err(Error::FileExists { path: path.clone() }))
    }

    /// Draws a text, and writes the pictures.
    pub(crate) fn codes(&self, text: &str) -> Result<Codes, Error> {
        let parts = code_parts(text, FOR_PICTURES.characters)?;
        let pictures = match &self.qr_file {
            Some(path) => self.write(path, &parts)?,
            None => Vec::new(),
        };
        let drawn = match self.qr {
            true => drawn(&code_parts(text, FOR_TERMINALS.characters)?)?,
            false => Vec::new(),
        };
        Ok(Codes { parts, pictures, drawn })
    }

    /// Writes all pictures, or none if a name is taken.
    fn write(&self, path: &Path, parts: &[String]) -> Result<Vec<String>, Error> {
        let picture = Picture::of(path).ok_or(Error::UnknownPicture)?;
        let names: Vec<PathBuf> =
            (1..=parts.len()).map(|number| name(path, number, parts.len())).collect();
        self.free(&names)?;
        let replace = if self.force { Replace::Existing } else { Replace::Never };
        for (name, part) in names.iter().zip(parts) {
            let bytes = picture.draw(&Code::new(part, FOR_PICTURES)?)?;
            files::write(name, &bytes, replace)?;
        }
        Ok(names.iter().map(|name| name.display().to_string()).collect())
    }
}

fn drawn(parts: &[String]) -> Result<Vec<String>, Error> {
    parts.iter().map(|part| drawn_one(part)).collect()
}

/// What fits one code, as the terminal shows it: without colours where NO_COLOR is set.
pub(crate) fn drawn_one(text: &str) -> Result<String, Error> {
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Ok(Code::new(text, FOR_TERMINALS)?.on_terminal(colours))
}

/// The name of one picture of several: `a-1-of-3.png`.
fn name(path: &Path, number: usize, of: usize) -> PathBuf {
    if of == 1 {
        return path.to_owned();
    }
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_owned();
    let mut name = text(path.file_stem());
    name.push(format!("-{number}-of-{of}."));
    name.push(text(path.extension()));
    path.with_file_name(name)
}

impl Codes {
    /// Writes them for people.
    pub(crate) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (index, code) in self.drawn.iter().enumerate() {
            if self.drawn.len() > 1 {
                writeln!(out, "code {} of {}:", index + 1, self.drawn.len())?;
            }
            writeln!(out, "{code}")?;
        }
        for picture in &self.pictures {
            writeln!(out, "picture: {picture}")?;
        }
        match self.pictures.as_slice() {
            [] => Ok(()),
            _ => writeln!(out, "Delete it once it was scanned: it holds a one-time secret.\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_pictures_are_numbered() {
        let named = |path: &str, of| name(Path::new(path), 2, of).display().to_string();
        assert_eq!(named("a/b.c.png", 3), "a/b.c-2-of-3.png");
        assert_eq!(named("b.svg", 1), "b.svg");
    }
}
