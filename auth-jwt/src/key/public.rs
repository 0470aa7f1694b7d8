//! A key that checks signatures.

use std::fmt;
use std::sync::Arc;

use super::components::{self, Components};
use super::error::InvalidKey;
use super::hmac::{self, HmacKey};
use super::jwk::{Jwk, Operation};
use super::parsed_key::{Material, ParsedKey};
use crate::algorithm::{Algorithm, KeyRequirement};

/// A key that checks signatures of one algorithm, and makes none.
///
/// ```
/// use auth_jwt::{Algorithm, InvalidKey, Key};
///
/// let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// assert_eq!(Key::from_jwk(jwk)?.algorithm(), Algorithm::EdDsa);
///
/// let short = Key::hs256(b"password").unwrap_err();
/// assert_eq!(short, InvalidKey::TooShort { least_bytes: 32 });
/// # Ok::<(), InvalidKey>(())
/// ```
#[derive(Clone)]
pub struct Key(pub(crate) Arc<ParsedKey>);

impl Key {
    /// A shared secret for HMAC with SHA-256, of at least 32 random bytes. It signs, too.
    ///
    /// # Errors
    /// If it is shorter.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<HmacKey, InvalidKey> {
        HmacKey::new(Algorithm::Hs256, secret.as_ref())
    }

    /// A shared secret for HMAC with SHA-384, of at least 48 random bytes. It signs, too.
    ///
    /// # Errors
    /// If it is shorter.
    pub fn hs384(secret: impl AsRef<[u8]>) -> Result<HmacKey, InvalidKey> {
        HmacKey::new(Algorithm::Hs384, secret.as_ref())
    }

    /// A shared secret for HMAC with SHA-512, of at least 64 random bytes. It signs, too.
    ///
    /// # Errors
    /// If it is shorter.
    pub fn hs512(secret: impl AsRef<[u8]>) -> Result<HmacKey, InvalidKey> {
        HmacKey::new(Algorithm::Hs512, secret.as_ref())
    }

    /// A public key from a PEM file: `SubjectPublicKeyInfo`, or PKCS#1 for RSA.
    ///
    /// # Errors
    /// If it is no such key, too small, or on another curve.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, InvalidKey> {
        Self::new(algorithm, None, &components::public_from_pem(algorithm, pem.as_ref())?)
    }

    /// A JSON Web Key that names its algorithm, or whose curve leaves only one (RFC 7517). Of a
    /// private key only the public half is used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_jwk(json: &str) -> Result<Self, InvalidKey> {
        Self::of(&Jwk::parse(json)?, None)
    }

    /// The same for an algorithm that the key need not name.
    ///
    /// # Errors
    /// What is wrong with it; also if it names another algorithm.
    pub fn from_jwk_for(algorithm: Algorithm, json: &str) -> Result<Self, InvalidKey> {
        Self::of(&Jwk::parse(json)?, Some(algorithm))
    }

    pub(crate) fn of(jwk: &Jwk, wanted: Option<Algorithm>) -> Result<Self, InvalidKey> {
        jwk.check_use(Operation::Verify)?;
        let algorithm = jwk.algorithm(wanted)?;
        if let KeyRequirement::Secret { .. } = algorithm.key_requirement() {
            let (_, held) = hmac::of_jwk(algorithm, jwk)?;
            return Ok(Self(held));
        }
        Self::new(algorithm, jwk.kid.clone(), &jwk.components(algorithm)?)
    }

    pub(crate) fn new(
        algorithm: Algorithm,
        kid: Option<Box<str>>,
        components: &Components,
    ) -> Result<Self, InvalidKey> {
        let key = components.parse(algorithm)?;
        Ok(Self(Arc::new(ParsedKey::new(algorithm, kid, Material::Public(key)))))
    }

    /// The same key under this name, which tokens give as their `kid`.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self(Arc::new(self.0.with_kid(kid)))
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// The one algorithm that it is used with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }
}

/// For whoever checks tokens and makes none.
impl From<HmacKey> for Key {
    fn from(key: HmacKey) -> Self {
        Self(key.held)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
