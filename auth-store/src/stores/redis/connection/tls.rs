//! TLS by rustls.

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

use super::bytes::Bytes;

/// Connects by TLS. The provider of its cryptography is named, so that no process-wide default has to
/// be installed.
#[derive(Clone)]
pub(in crate::stores::redis) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts what the system trusts, or these authorities and nobody else.
    pub(in crate::stores::redis) fn new(authorities: Option<&[u8]>) -> Result<Self, io::Error> {
        let roots = match authorities {
            Some(pem) => given(pem)?,
            None => of_the_system()?,
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
    ) -> Result<Box<dyn Bytes>, RedisError> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connecting = TlsConnector::from(Arc::clone(&self.0)).connect(name, stream);
        Ok(Box::new(connecting.await.map_err(marked)?))
    }

    /// Whether a server was reached, and no TLS came about.
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

fn of_the_system() -> Result<RootCertStore, io::Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(io::Error::other("the system has no root certificates"));
    }
    Ok(roots)
}

fn given(pem: &[u8]) -> Result<RootCertStore, io::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if roots.is_empty() {
        return Err(io::Error::other("there is no certificate in the PEM"));
    }
    Ok(roots)
}

/// What rustls complained about. An `io::Error` hides what it is made of and shows what caused that:
/// so this is the cause of what it is made of.
#[derive(Debug)]
struct Handshake(rustls::Error);

/// See [`Handshake`].
#[derive(Debug)]
struct Marked(Handshake);

fn marked(error: io::Error) -> io::Error {
    let kind = error.kind();
    match error.downcast() {
        Ok(error) => io::Error::new(kind, Marked(Handshake(error))),
        Err(error) => error,
    }
}

impl fmt::Display for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Handshake {}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no TLS came about")
    }
}

impl Error for Marked {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
