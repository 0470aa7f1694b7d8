//! [`TestIssuer`], an issuer in memory: its keys, its clock, and the claims that its tokens share.
//!
//! Its [`auth`](TestIssuer::auth) returns a backend that trusts it.

use std::time::Duration;

use auth_core::{ManualClock, Timestamp};

use super::token::TestToken;
use crate::algorithm::Algorithm;
use crate::jwt_auth::JwtAuth;
use crate::key::SigningKey;
use crate::signing_keys::SigningKeys;
use crate::validation::Validation;

/// An issuer in memory, with a manual clock and keys that can be rotated. A clone is the same issuer.
///
/// ```
/// use auth_core::Outcome;
/// use auth_jwt::testing::TestIssuer;
///
/// let issuer = TestIssuer::new("https://idp.example").audience("shop");
/// let token = issuer.token("alice").scope("orders:read").sign();
/// let Ok(Outcome::Authenticated(alice)) = issuer.auth().verify(token.as_bytes()).into_ready() else {
///     panic!("the token is valid")
/// };
/// assert!(alice.has_scope("orders:read"));
/// ```
#[derive(Clone, Debug)]
pub struct TestIssuer {
    issuer: Box<str>,
    audience: Option<Box<str>>,
    keys: SigningKeys,
    clock: ManualClock,
}

impl TestIssuer {
    /// Creates an issuer with this name, which signs with Ed25519. Its clock is manual and starts
    /// in 2027.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot generate a key.
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        Self::with_algorithm(issuer, Algorithm::EdDsa)
    }

    /// Creates an issuer that signs with this algorithm.
    ///
    /// # Panics
    ///
    /// Panics if the algorithm is HMAC, or if the system cannot generate a key.
    #[must_use]
    pub fn with_algorithm(issuer: &str, algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm).expect("the algorithm has private keys");
        let clock = ManualClock::new(Timestamp::from_secs(1_800_000_000));
        let keys = SigningKeys::new(key).clock(clock.clock());
        Self { issuer: issuer.into(), audience: None, keys, clock }
    }

    /// Sets the audience of the tokens. Defaults to none.
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        Self { audience: Some(audience.into()), ..self }
    }

    /// Starts a token about this subject, which is valid for five minutes. Configure it, then sign it.
    pub fn token(&self, subject: &str) -> TestToken {
        let lifetime = Duration::from_secs(300);
        let mut token = TestToken::new(self.keys.clone(), self.clock.clock().now(), lifetime)
            .claim("iss", &*self.issuer)
            .claim("sub", subject);
        if let Some(audience) = &self.audience {
            token = token.claim("aud", &**audience);
        }
        token
    }

    /// Returns a backend that trusts this issuer and uses its clock.
    pub fn auth(&self) -> JwtAuth {
        JwtAuth::new(self.keys.clone())
            .validation(self.validation())
            .clock(self.clock.clock())
            .verify_only()
    }

    /// Returns the requirements for tokens of this issuer, for
    /// [`JwtAuth::trusted_issuer`](crate::JwtAuth::trusted_issuer).
    pub fn validation(&self) -> Validation {
        let validation = Validation::new().issuer(&*self.issuer);
        match &self.audience {
            Some(audience) => validation.audience(&**audience),
            None => validation,
        }
    }

    /// Returns its name, which its tokens have as `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.issuer
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Returns the keys.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Rotates to a new key, and advances the clock until it signs.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot generate a key.
    pub fn rotate(&self) {
        let algorithm = self.keys.current().map_or(Algorithm::EdDsa, |key| key.algorithm());
        let key = SigningKey::generate(algorithm).expect("the algorithm has private keys");
        self.keys.rotate(key).expect("a new key has a `kid` of its own");
        self.clock.advance(self.keys.lead());
    }

    /// Returns the public keys as a JWK Set, as the issuer would publish them.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.keys.jwks()
    }
}
