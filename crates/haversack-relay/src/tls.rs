//! The relay's certificate, and when it is read again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use haversack_tls::{Certified, Pin, ServerConfig};

use crate::Error;
use crate::data_dir::write_whole;

/// A certificate and its key in one file, beside the relay's own key.
const FILE: &str = "tls.pem";

/// What a relay shows to whoever connects with TLS.
///
/// The files are looked at with every connection: what a certificate's renewal puts there counts from the next one on. While
/// they cannot be used, what was read before goes on, and the log says so.
#[derive(Debug)]
pub struct Tls {
    files: Vec<PathBuf>,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    changed: Vec<Option<SystemTime>>,
    pin: Pin,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads a certificate, with those that lead to its authority behind it, and its key, both in PEM; they may be one file.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be read, [`Error::Certificate`] when the two cannot be used together.
    pub fn of_files(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let mut files = vec![certificate.to_owned(), key.to_owned()];
        files.dedup();
        let now = Mutex::new(Now::read(&files)?);
        Ok(Self { files, now })
    }

    /// The self-signed certificate of a data directory that is open, made at the first time. Devices know it by its pin, so
    /// nothing here replaces it: whoever wants another one removes the file and tells the team.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::NoRoom`] when it cannot be read or written, [`Error::Certificate`] when it is none.
    pub fn self_signed(data_dir: &Path) -> Result<Self, Error> {
        let file = data_dir.join(FILE);
        match file.try_exists() {
            Ok(true) => {}
            Ok(false) => {
                let own = Certified::make_self_signed().map_err(Error::certificate)?;
                write_whole(&file, own.to_pem().as_bytes())
                    .map_err(Error::io("write the certificate"))?;
            }
            Err(error) => return Err(Error::io("read the certificate")(error)),
        }
        Self::of_files(&file, &file)
    }

    /// What devices may pin it by.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).pin
    }

    /// How the next connection is served.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed(&self.files);
        if changed != now.changed {
            match Now::read(&self.files) {
                Ok(read) => *now = read,
                Err(error) => {
                    tracing::error!("the certificate is not read again: {error}");
                    now.changed = changed;
                }
            }
        }
        Arc::clone(&now.config)
    }
}

impl Now {
    fn read(files: &[PathBuf]) -> Result<Self, Error> {
        let changed = changed(files);
        let texts: io::Result<Vec<Vec<u8>>> = files.iter().map(fs::read).collect();
        let pem = texts.map_err(Error::io("read the certificate"))?.join(&b'\n');
        let own = Certified::from_pem(&pem).map_err(Error::certificate)?;
        let (pin, config) = (own.pin(), own.serving());
        let (pin, config) = (pin.map_err(Error::certificate)?, config.map_err(Error::certificate)?);
        Ok(Self { changed, pin, config })
    }
}

fn changed(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| fs::metadata(file).and_then(|file| file.modified()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let pin = Tls::self_signed(dir.path()).unwrap().pin();
        assert_eq!(Tls::self_signed(dir.path()).unwrap().pin(), pin);
        fs::write(dir.path().join(FILE), "gone").unwrap();
        assert!(matches!(Tls::self_signed(dir.path()), Err(Error::Certificate { .. })));
    }

    #[test]
    fn a_new_certificate_counts_and_a_bad_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("relay.pem");
        let time = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let put = |text: &str, seconds: u64| {
            fs::write(&file, text).unwrap();
            let file = fs::OpenOptions::new().write(true).open(&file).unwrap();
            file.set_modified(time(seconds)).unwrap();
        };
        let new = || Certified::make_self_signed().unwrap();
        let (one, other) = (new(), new());
        put(one.to_pem(), 1);
        let tls = Tls::of_files(&file, &file).unwrap();
        put("nothing", 2);
        let before = tls.config();
        assert_eq!(tls.pin(), one.pin().unwrap());
        put(other.to_pem(), 3);
        assert!(!Arc::ptr_eq(&tls.config(), &before));
        assert_eq!(tls.pin(), other.pin().unwrap());
    }
}
