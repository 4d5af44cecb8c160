//! What a client demands of a server.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as Rustls, PeerIncompatible,
    RootCertStore, SignatureScheme,
};

use crate::{Error, HTTP, Pin, provider};

/// How a client speaks TLS with a server that is known by its pins; without any, by the public authorities. Made anew for each
/// connection, it remembers nothing.
///
/// # Errors
/// [`Error::Unusable`] when this build lacks what TLS 1.3 needs.
pub fn connecting(pins: &[Pin]) -> Result<Arc<ClientConfig>, Error> {
    let verifier: Arc<dyn ServerCertVerifier> = match pins {
        [] => authorities()?,
        pins => Arc::new(Pinned { pins: pins.to_vec(), provider: provider() }),
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(Error::unusable)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![HTTP.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn authorities() -> Result<Arc<WebPkiServerVerifier>, Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    verifier.build().map_err(Error::unusable)
}

/// Takes a certificate over a pinned key. That the server has that key, its signature over the handshake says.
#[derive(Debug)]
struct Pinned {
    pins: Vec<Pin>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        match self.pins.contains(&Pin::of(own)?) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    /// Unused: TLS 1.2 is not spoken.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _own: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, own, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::{ClientConnection, ServerConnection};

    use super::*;
    use crate::{Certified, Refusal};

    /// Both ends in one thread. Says what the server was told of the name, or why the client refused it.
    fn meet(own: &Certified, pins: &[Pin]) -> Result<Option<String>, Refusal> {
        let name = ServerName::try_from("relay.example").unwrap();
        let mut client = ClientConnection::new(connecting(pins).unwrap(), name).unwrap();
        let mut server = ServerConnection::new(own.serving().unwrap()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client
                .process_new_packets()
                .map_err(|error| Refusal::of(&io::Error::other(error)).unwrap())?;
        }
        assert_eq!(client.alpn_protocol(), Some(HTTP));
        Ok(server.server_name().map(str::to_owned))
    }

    #[test]
    fn only_the_pinned_key_counts() {
        let (own, other) = (Certified::make_self_signed(), Certified::make_self_signed());
        let (own, other) = (own.unwrap(), other.unwrap());
        let (pin, others) = (own.pin().unwrap(), other.pin().unwrap());
        let named = Ok(Some("relay.example".to_owned()));
        assert_eq!(meet(&own, &[pin]), named);
        assert_eq!(meet(&own, &[others, pin]), named);
        assert_eq!(meet(&own, &[others]), Err(Refusal::OtherKey));
        assert_eq!(meet(&own, &[]), Err(Refusal::Unknown));
    }

    #[test]
    fn what_is_not_tls_is_told_apart() {
        let name = ServerName::try_from("relay.example").unwrap();
        let mut client = ClientConnection::new(connecting(&[]).unwrap(), name).unwrap();
        client.read_tls(&mut &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]).unwrap();
        let error = io::Error::other(client.process_new_packets().unwrap_err());
        assert_eq!(Refusal::of(&error), Some(Refusal::NotTls));
        assert_eq!(Refusal::of(&io::ErrorKind::ConnectionReset.into()), None);
    }
}
