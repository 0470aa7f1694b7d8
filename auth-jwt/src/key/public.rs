//! [`Key`], which verifies the signatures of one algorithm.
//!
//! It is a public key or a secret of HMAC, and is checked when it is created.

use std::fmt;
use std::sync::Arc;

use super::components::{self, Components};
use super::error::InvalidKey;
use super::hmac::HmacKey;
use super::jwk::{Jwk, Operation};
use super::parsed_key::{Material, ParsedKey};
use crate::algorithm::{Algorithm, KeyRequirement};

/// A key that verifies the signatures of one algorithm.
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
    /// Creates a secret for HMAC with SHA-256 from at least 32 random bytes. It also signs.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey::TooShort`] if there are fewer bytes.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<HmacKey, InvalidKey> {
        HmacKey::new(Algorithm::Hs256, secret.as_ref())
    }

    /// Creates a secret for HMAC with SHA-384 from at least 48 random bytes. It also signs.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey::TooShort`] if there are fewer bytes.
    pub fn hs384(secret: impl AsRef<[u8]>) -> Result<HmacKey, InvalidKey> {
        HmacKey::new(Algorithm::Hs384, secret.as_ref())
    }

    /// Creates a secret for HMAC with SHA-512 from at least 64 random bytes. It also signs.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey::TooShort`] if there are fewer bytes.
    pub fn hs512(secret: impl AsRef<[u8]>) -> Result<HmacKey, InvalidKey> {
        HmacKey::new(Algorithm::Hs512, secret.as_ref())
    }

    /// Reads a public key from a PEM file: `SubjectPublicKeyInfo`, PKCS#1 for RSA, or an X.509 certificate.
    /// The signature and the validity period of a certificate are not checked.
    ///
    /// # Errors
    ///
    /// Returns an error if the file has no such key, or if the key is too small or on another curve.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, InvalidKey> {
        Self::new(algorithm, None, &components::public_from_pem(algorithm, pem.as_ref())?)
    }

    /// Reads a JSON Web Key (RFC 7517) that names its algorithm, or whose curve allows only one. Only the
    /// public half of a private key is used.
    ///
    /// # Errors
    ///
    /// Returns an error if the key cannot be read, is weak, or is not for verifying;
    /// [`InvalidKey::NoAlgorithm`] if its algorithm is not known.
    pub fn from_jwk(json: &str) -> Result<Self, InvalidKey> {
        Self::of(&Jwk::parse(json)?, None)
    }

    /// Reads a JSON Web Key for this algorithm, which the key need not name.
    ///
    /// # Errors
    ///
    /// Returns an error as [`from_jwk`](Self::from_jwk) does, and
    /// [`InvalidKey::AlgorithmMismatch`] if the key names another algorithm.
    pub fn from_jwk_for(algorithm: Algorithm, json: &str) -> Result<Self, InvalidKey> {
        Self::of(&Jwk::parse(json)?, Some(algorithm))
    }

    pub(crate) fn of(jwk: &Jwk, wanted: Option<Algorithm>) -> Result<Self, InvalidKey> {
        jwk.check_use(Operation::Verify)?;
        let algorithm = jwk.algorithm(wanted)?;
        if let KeyRequirement::Secret { .. } = algorithm.key_requirement() {
            return HmacKey::of_jwk(algorithm, jwk).map(Into::into);
        }
        let key = Self::new(algorithm, jwk.kid.clone(), &jwk.components(algorithm)?)?;
        Ok(match &jwk.issuer {
            None => key,
            Some(issuer) => Self(Arc::new(key.0.for_issuers(vec![issuer.clone()]))),
        })
    }

    /// Reads a public key of any kind from a PEM file. RSA keys are for this algorithm, and others for that of
    /// their curve.
    #[cfg(feature = "remote-keys")]
    pub(crate) fn from_any_pem(rsa: Algorithm, kid: &str, pem: &str) -> Result<Self, InvalidKey> {
        let of = |algorithm| Self::from_pem(algorithm, pem).map(|key| key.with_kid(kid));
        let others = [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa];
        of(rsa).or_else(|error| others.into_iter().find_map(|it| of(it).ok()).ok_or(error))
    }

    pub(crate) fn new(
        algorithm: Algorithm,
        kid: Option<Box<str>>,
        components: &Components,
    ) -> Result<Self, InvalidKey> {
        let key = components.parse(algorithm)?;
        Ok(Self(Arc::new(ParsedKey::new(algorithm, kid, Material::Public(key)))))
    }

    /// Sets the `kid`, by which the header of a token names this key.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self(Arc::new(self.0.with_kid(kid)))
    }

    /// Returns the `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// Returns the algorithm, which never changes.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }
}

/// For services that only verify tokens.
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
