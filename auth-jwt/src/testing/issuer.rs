//! The issuer.

use std::time::Duration;

use auth_core::{Claims, ManualClock, Timestamp};

use super::token::TestToken;
use crate::algorithm::Algorithm;
use crate::jwt_auth::JwtAuth;
use crate::key::SigningKey;
use crate::mode::Signs;
use crate::signing_keys::SigningKeys;
use crate::validation::Validation;

/// An issuer in memory, with a clock to turn and keys to rotate. A clone is the same issuer.
#[derive(Clone, Debug)]
pub struct TestIssuer {
    issuer: Box<str>,
    audience: Option<Box<str>>,
    keys: SigningKeys,
    clock: ManualClock,
}

impl TestIssuer {
    /// An issuer of this name that signs with Ed25519. Its clock stands in 2027 until it is turned.
    ///
    /// # Panics
    /// If the system generates no key.
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        Self::with_algorithm(issuer, Algorithm::EdDsa)
    }

    /// The same with a key for another algorithm.
    ///
    /// # Panics
    /// If the algorithm takes a shared secret.
    #[must_use]
    pub fn with_algorithm(issuer: &str, algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm).expect("an algorithm with private keys");
        let clock = ManualClock::new(Timestamp::from_secs(1_800_000_000));
        let keys = SigningKeys::new(key).clock(clock.clock());
        Self { issuer: issuer.into(), audience: None, keys, clock }
    }

    /// For whom its tokens are meant.
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        Self { audience: Some(audience.into()), ..self }
    }

    /// A token about this subject, good for five minutes: say more, then sign it.
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

    /// A backend that believes this issuer, and goes by its clock.
    pub fn auth(&self) -> JwtAuth<Claims, Signs> {
        JwtAuth::new(self.keys.clone()).policy(self.policy()).clock(self.clock.clock())
    }

    /// The policy of a backend that believes this issuer among others.
    pub fn policy(&self) -> Validation {
        let policy = Validation::new().issuer(&*self.issuer);
        match &self.audience {
            Some(audience) => policy.audience(&**audience),
            None => policy,
        }
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Publishes a new key, and turns the clock until it signs.
    ///
    /// # Panics
    /// If the system generates no key.
    pub fn rotate(&self) {
        let algorithm = self.keys.current().map_or(Algorithm::EdDsa, |key| key.algorithm());
        let key = SigningKey::generate(algorithm).expect("an algorithm with private keys");
        self.keys.rotate(key).expect("a new key has a name of its own");
        self.clock.advance(self.keys.lead());
    }

    /// The public keys, as the issuer would serve them.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.keys.jwks()
    }
}
