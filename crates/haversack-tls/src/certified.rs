//! A certificate with its key: what a server shows.

use std::fmt;
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;

use crate::{Error, HTTP, Pin, provider};

/// A certificate, those that lead from it to its authority, and its private key.
pub struct Certified {
    /// The server's own goes first.
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pem: String,
}

impl Certified {
    /// Makes a key (ECDSA on P-256) and a certificate over it that names nobody, for a server that is known by its pin.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the machine gives no random bytes.
    pub fn make_self_signed() -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(Error::unusable)?;
        let mut about = CertificateParams::default();
        about.distinguished_name = DistinguishedName::new();
        let certificate = about.self_signed(&key).map_err(Error::unusable)?;
        Self::from_pem((certificate.pem() + &key.serialize_pem()).as_bytes())
    }

    /// Reads both from PEM: certificates, the server's own first, and one private key (PKCS #8, SEC 1 or PKCS #1), in any order.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::NoKey`]; [`Error::Unusable`] when the key is not the certificate's.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(Error::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| Error::NoKey)?;
        let pem = String::from_utf8_lossy(pem).into_owned();
        let certified = Self { chain, key, pem };
        certified.serving()?;
        Ok(certified)
    }

    /// As it was read: certificate and **private key**.
    #[must_use]
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    /// What a client pins it by.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the certificate cannot be read.
    pub fn pin(&self) -> Result<Pin, Error> {
        let own = self.chain.first().ok_or(Error::NoCertificate)?;
        Pin::of(own).map_err(Error::unusable)
    }

    /// How a server of it speaks TLS.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the key is not the certificate's.
    pub fn serving(&self) -> Result<Arc<ServerConfig>, Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(Error::unusable)?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(Error::unusable)?;
        config.alpn_protocols = vec![HTTP.to_vec()];
        // A ticket would be a name that the network sees twice.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certified").field("pin", &self.pin().ok()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_refused() {
        let (one, other) = (Certified::make_self_signed(), Certified::make_self_signed());
        let (one, other) = (one.unwrap(), other.unwrap());
        let split = |own: &Certified| {
            let at = own.to_pem().find("-----BEGIN PRIVATE KEY-----").unwrap();
            let (certificate, key) = own.to_pem().split_at(at);
            (certificate.to_owned(), key.to_owned())
        };
        let (certificate, key) = split(&one);
        let check = |pem: &str, expect: &str| {
            let refused = Certified::from_pem(pem.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(expect), "{refused}");
        };
        check("", "no certificate");
        check(&key, "no certificate");
        check(&certificate, "no private key");
        check(&(certificate.clone() + &split(&other).1), "cannot be used together");
        assert_ne!(one.pin().unwrap(), other.pin().unwrap());
        assert_eq!(
            Certified::from_pem((key + &certificate).as_bytes()).unwrap().pin().ok(),
            one.pin().ok()
        );
    }

    #[test]
    fn it_does_not_show_its_key() {
        let own = Certified::make_self_signed().unwrap();
        let pin = own.pin().unwrap();
        assert_eq!(format!("{own:?}"), format!("Certified {{ pin: Some({pin:?}), .. }}"));
    }
}
