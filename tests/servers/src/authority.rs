//! A certificate authority of the test's own.
//!
//! Tests of TLS need certificates that are trusted, and others that are not. They are made anew in each
//! run, so none can expire.

use std::fmt;
use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::scratch::Scratch;

/// A certificate authority, and a certificate of it for `localhost` and 127.0.0.1.
pub struct Authority {
    folder: Scratch,
    pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Makes the keys and certificates.
    ///
    /// # Panics
    ///
    /// Panics if that fails.
    #[must_use]
    pub fn new() -> Self {
        let folder = Scratch::new();
        let mut own = CertificateParams::default();
        let name = folder.path().to_str().expect("a folder with a name"); // no other has it
        own.distinguished_name.push(DnType::CommonName, name);
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        own.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let own_key = KeyPair::generate().expect("a key");
        let pem = own.self_signed(&own_key).expect("a certificate").pem();
        let issuer = Issuer::new(own, own_key);

        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let key = KeyPair::generate().expect("a key");
        let server = CertificateParams::new(names).expect("names");
        let server = server.signed_by(&key, &issuer).expect("a certificate");
        let files = [("ca", &pem), ("cert", &server.pem()), ("key", &key.serialize_pem())];
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("a file in our folder");
        }
        Self { folder, pem }
    }

    /// Returns the authority's own certificate.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the path of a file: the authority's certificate (`ca`), the server's (`cert`), or its key (`key`).
    ///
    /// # Panics
    ///
    /// Panics if the folder's name is not UTF-8.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a name").to_owned()
    }

    /// Returns the settings with which a Redis server listens for TLS on this port.
    pub(crate) fn settings(&self, port: u16) -> Vec<String> {
        let file = |name| self.file(name);
        let settings = [
            ("--tls-port", port.to_string()),
            ("--tls-ca-cert-file", file("ca")),
            ("--tls-cert-file", file("cert")),
            ("--tls-key-file", file("key")),
            ("--tls-auth-clients", "no".to_owned()),
        ];
        settings.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}
