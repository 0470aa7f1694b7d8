//! TLS connections with rustls (feature `redis-tls`).
//!
//! They trust the authorities of the system, or those that the builder was given.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use redis::RedisError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::open::ByteStream;

/// Connects over TLS. The cryptography provider is named, so that no process-wide default has to be
/// installed.
#[derive(Clone)]
pub(in crate::stores::redis) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts these authorities, or those of the system if there are none.
    pub(in crate::stores::redis) fn new(authorities: Option<&[u8]>) -> Result<Self, io::Error> {
        let roots = match authorities {
            Some(pem) => roots_from(pem)?,
            None => system_roots()?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(super) async fn wrap(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<Box<dyn ByteStream>, RedisError> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connecting = TlsConnector::from(Arc::clone(&self.0)).connect(name, stream);
        Ok(Box::new(connecting.await.map_err(mark_handshake)?))
    }

    /// Returns whether the server was reached and the TLS handshake failed.
    pub(in crate::stores::redis) fn failed(error: &RedisError) -> bool {
        let mut source = error.source();
        while let Some(error) = source {
            if error.is::<Handshake>() {
                return true;
            }
            source = error.source();
        }
        false
    }
}

fn system_roots() -> Result<RootCertStore, io::Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(io::Error::other("the system has no root certificates"));
    }
    Ok(roots)
}

fn roots_from(pem: &[u8]) -> Result<RootCertStore, io::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if roots.is_empty() {
        return Err(io::Error::other("the PEM contains no certificate"));
    }
    Ok(roots)
}

/// The error of rustls. An `io::Error` shows only the source of the error that it wraps, so this is the source
/// of a wrapper.
#[derive(Debug)]
struct Handshake(rustls::Error);

/// The wrapper of a [`Handshake`].
#[derive(Debug)]
struct HandshakeFailed(Handshake);

fn mark_handshake(error: io::Error) -> io::Error {
    let kind = error.kind();
    match error.downcast() {
        Ok(error) => io::Error::new(kind, HandshakeFailed(Handshake(error))),
        Err(error) => error,
    }
}

impl fmt::Display for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Handshake {}

impl fmt::Display for HandshakeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the TLS handshake failed")
    }
}

impl Error for HandshakeFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
