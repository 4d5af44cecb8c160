//! Files and stdin: read within limits, written whole or not at all.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::Error;

/// The longest request or answer, with room for the text around it.
const CODE_BYTES_MAX: u64 = 1 << 20;
const STDIN: &str = "standard input";

/// Whether a file that exists may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    /// It stays.
    Never,
    /// It may.
    Existing,
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let name = path.display().to_string();
    let failed = |source| Error::File { path: name.clone(), done: "read", source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() > limit {
        return Err(Error::TooLarge { path: name, limit_mib: limit >> 20 });
    }
    read_up_to(file, &name, limit)
}

/// Reads all of stdin, at most `limit` bytes.
pub(crate) fn read_stdin(limit: u64) -> Result<Vec<u8>, Error> {
    read_up_to(io::stdin().lock(), STDIN, limit)
}

fn read_up_to(source: impl Read, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::File { path: name.to_owned(), done: "read", source };
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > limit {
        true => Err(Error::TooLarge { path: name.to_owned(), limit_mib: limit >> 20 }),
        false => Ok(bytes),
    }
}

/// Takes a request or an answer: the argument itself, or the text of a file, or of a pipe. `None` says that
/// somebody will paste it, after the passphrase was typed. Text before its mark, and after the first empty line
/// that follows it, is left out, so that a whole output or message may be handed in.
pub(crate) fn code(
    argument: Option<&str>,
    file: Option<&Path>,
    mark: &str,
) -> Result<Option<String>, Error> {
    let (path, bytes) = match (argument, file) {
        (Some(text), _) if text != "-" => return Ok(Some(text.to_owned())),
        (_, Some(path)) => (path.display().to_string(), read(path, CODE_BYTES_MAX)?),
        _ if io::stdin().is_terminal() => return Ok(None),
        _ => (STDIN.to_owned(), read_stdin(CODE_BYTES_MAX)?),
    };
    let text = String::from_utf8(bytes).map_err(|_| Error::NotText { path })?;
    Ok(Some(cut_out(&text, mark)))
}

/// Takes a request or an answer that is pasted on the terminal; an empty line ends it.
pub(crate) fn pasted(mark: &str) -> Result<String, Error> {
    let _ =
        writeln!(io::stderr(), "Paste the text that begins with {mark}, then press Enter twice:");
    let mut text = String::new();
    for line in io::stdin().lines() {
        let line = line.map_err(|source| Error::Terminal { source })?;
        if line.trim().is_empty() && !text.is_empty() {
            break;
        }
        text += &line;
        text.push('\n');
    }
    Ok(cut_out(&text, mark))
}

fn cut_out(text: &str, mark: &str) -> String {
    let (upper, part) = (text.to_ascii_uppercase(), format!("{mark}."));
    let start = upper.find(mark).unwrap_or(0);
    if !upper.get(start..).is_some_and(|rest| rest.starts_with(&part)) {
        return paragraph(text.get(start..).unwrap_or(text));
    }
    // Parts may come as lines, or apart from each other: each ends before the next, or at an empty line.
    let starts: Vec<usize> = upper.match_indices(&part).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let parts = starts.iter().zip(ends).filter_map(|(start, end)| text.get(*start..end));
    parts.map(paragraph).collect::<Vec<_>>().join("\n")
}

/// The lines before the first empty one.
fn paragraph(text: &str) -> String {
    text.lines().take_while(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

/// Makes sure that a file can be written later, as far as one that is there already is in the way.
pub(crate) fn check_free(path: &Path, replace: Replace) -> Result<(), Error> {
    match replace == Replace::Never && path.symlink_metadata().is_ok() {
        true => Err(Error::FileExists { path: path.to_owned() }),
        false => Ok(()),
    }
}

/// Writes a file: to a temporary one beside it, down to the disk, then under its name.
pub(crate) fn write(path: &Path, bytes: &[u8], replace: Replace) -> Result<(), Error> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    let temporary = filled(folder, bytes).map_err(|source| failed(path, source))?;
    let renamed = match replace {
        Replace::Never => temporary.persist_noclobber(path),
        Replace::Existing => temporary.persist(path),
    };
    renamed.map_err(|refused| failed(path, refused.error))?;
    sync_folder(folder).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::AlreadyExists => Error::FileExists { path: path.to_owned() },
        _ => Error::File { path: path.display().to_string(), done: "written", source },
    }
}

fn filled(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".haversack-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes the file's name durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_the_text_around_it() {
        let check = |text: &str, expect: &str| assert_eq!(cut_out(text, "HSA1"), expect);
        check("HSA1-AAAAA\n", "HSA1-AAAAA");
        check("Here it is:\n\n  hsa1-aaaaa-\nbbbbb\n\nsix words\n", "hsa1-aaaaa-\nbbbbb");
        check("Привет! HSA1-AAAAA", "HSA1-AAAAA");
        check("nothing of the kind", "nothing of the kind");
        check("", "");
        check("hsa1.1.2.aa\nbb\n\nand:\n\nHSA1.2.2.CC\n\nwords\n", "hsa1.1.2.aa\nbb\nHSA1.2.2.CC");
        check("HSA1.2.2.CC HSA1.1.2.AA", "HSA1.2.2.CC \nHSA1.1.2.AA");
    }

    #[test]
    fn a_file_is_written_whole_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"one", Replace::Never).unwrap();
        assert!(matches!(write(&path, b"two", Replace::Never), Err(Error::FileExists { .. })));
        assert_eq!(read(&path, 3).unwrap(), b"one");
        write(&path, b"three", Replace::Existing).unwrap();
        assert!(matches!(read(&path, 4), Err(Error::TooLarge { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
