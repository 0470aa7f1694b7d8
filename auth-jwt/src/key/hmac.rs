//! A secret that both sides know.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::error::InvalidKey;
use super::jwk::{self, Jwk, Operation};
use super::parsed_key::{MacKey, Material, ParsedKey};
use crate::algorithm::{Algorithm, KeyRequirement};
use crate::jws::{self, SignError};

/// A secret that signs and checks: whoever can check a token with it can make one. It has no
/// public half, and so nothing publishes it.
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

    /// A JSON Web Key of type `oct` that names its algorithm.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_jwk(json: &str) -> Result<Self, InvalidKey> {
        let jwk = Jwk::parse(json)?;
        jwk.check_use(Operation::Sign)?;
        let (secret, held) = of_jwk(jwk.algorithm(None)?, &jwk)?;
        Ok(Self { secret, held })
    }

    /// The same key under this name, which tokens give as their `kid`.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self { held: Arc::new(self.held.with_kid(kid)), secret: self.secret }
    }

    /// The one algorithm that it is used with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.held.algorithm
    }

    /// A token of this type (`typ`) with these claims, for links in mails, for other services, for
    /// tests. It says what it is given and nothing else: `exp` and `aud` are yours to set.
    ///
    /// # Errors
    /// If the claims are no JSON object.
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

pub(super) fn of_jwk(
    algorithm: Algorithm,
    jwk: &Jwk,
) -> Result<(Arc<MacKey>, Arc<ParsedKey>), InvalidKey> {
    if jwk.kty != "oct" {
        return Err(InvalidKey::Incompatible(algorithm));
    }
    let HmacKey { secret, held } = HmacKey::new(algorithm, &jwk::secret(&jwk.k, "k")?)?;
    let held = jwk.kid.as_ref().map_or_else(|| Arc::clone(&held), |kid| held.with_kid(kid).into());
    Ok((secret, held))
}
