//! [`HmacKey`], a secret that signs and verifies tokens with HMAC.
//!
//! The issuer and every verifier share the secret, so there is no public half to publish.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::error::InvalidKey;
use super::jwk::{self, Jwk, Operation};
use super::parsed_key::{MacKey, Material, ParsedKey};
use crate::algorithm::{Algorithm, KeyRequirement};
use crate::jws::{self, SignError};

/// A secret for HMAC, which signs and verifies: anyone who can verify a token with it can also make one.
/// Unlike a key pair, it has no public half to publish.
#[derive(Clone)]
pub struct HmacKey {
    secret: Arc<MacKey>,
    pub(crate) held: Arc<ParsedKey>,
}

impl HmacKey {
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, InvalidKey> {
        let KeyRequirement::Secret { least_bytes } = algorithm.key_requirement() else {
            return Err(InvalidKey::Incompatible(algorithm));
        };
        if secret.len() < least_bytes {
            return Err(InvalidKey::TooShort { least_bytes });
        }
        let secret = Arc::new(MacKey::new(algorithm, secret));
        let held = Arc::new(ParsedKey::new(algorithm, None, Material::Secret(Arc::clone(&secret))));
        Ok(Self { secret, held })
    }

    /// Reads a JSON Web Key of type `oct`, which must name its algorithm.
    ///
    /// # Errors
    ///
    /// Returns an error if the key cannot be read, is too short, or is not for signing.
    pub fn from_jwk(json: &str) -> Result<Self, InvalidKey> {
        let jwk = Jwk::parse(json)?;
        jwk.check_use(Operation::Sign)?;
        Self::of_jwk(jwk.algorithm(None)?, &jwk)
    }

    pub(super) fn of_jwk(algorithm: Algorithm, jwk: &Jwk) -> Result<Self, InvalidKey> {
        if jwk.kty != "oct" {
            return Err(InvalidKey::Incompatible(algorithm));
        }
        let key = Self::new(algorithm, &jwk::secret(&jwk.k, "k")?)?;
        Ok(match &jwk.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }

    /// Sets the `kid`, which the header of each token names.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self { held: Arc::new(self.held.with_kid(kid)), secret: self.secret }
    }

    /// Returns the algorithm, which never changes.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.held.algorithm
    }

    /// Signs a token of this type (`typ`) with these claims, for example for a link in an email.
    ///
    /// No claim is added. Set `exp` and `aud` yourself.
    ///
    /// # Errors
    ///
    /// Returns [`SignError::Claims`] if the claims are not a JSON object.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let sign = |message: &[u8]| Ok(self.secret.sign(message));
        jws::sign(self.algorithm(), self.held.kid.as_deref(), typ, claims, sign)
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.held.fmt(f)
    }
}
