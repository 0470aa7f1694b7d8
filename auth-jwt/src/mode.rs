//! What a `JwtAuth` can do.

#[cfg(feature = "sign-in")]
use std::time::Duration;

use auth_core::{Clock, CookiePolicy};
#[cfg(feature = "sign-in")]
use serde::Serialize;

#[cfg(feature = "sign-in")]
use crate::jws::SignError;
use crate::key::HmacKey;
use crate::signing_keys::SigningKeys;

/// A [`JwtAuth`](crate::JwtAuth) that verifies tokens.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Verifies;

/// A [`JwtAuth`](crate::JwtAuth) that verifies tokens, and has a key to make them with.
#[derive(Clone, Debug)]
pub struct Signs(#[cfg_attr(not(feature = "sign-in"), expect(dead_code))] pub(crate) Signer);

/// What is configured along with the backend.
pub trait Configured {
    #[doc(hidden)]
    #[must_use]
    fn with_clock(self, clock: &Clock) -> Self;

    /// # Panics
    /// If this access cookie would be taken for another one.
    #[doc(hidden)]
    fn check_cookie(&self, access: &CookiePolicy) {
        let _ = access;
    }
}

impl Configured for Verifies {
    fn with_clock(self, _: &Clock) -> Self {
        self
    }
}

impl Configured for Signs {
    fn with_clock(self, _: &Clock) -> Self {
        self
    }
}

/// What makes tokens.
#[cfg_attr(not(feature = "sign-in"), expect(dead_code))]
#[derive(Clone, Debug)]
pub(crate) enum Signer {
    Shared(HmacKey),
    Ring(SigningKeys),
}

#[cfg(feature = "sign-in")]
impl Signer {
    pub(crate) fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        match self {
            Self::Shared(key) => key.sign(typ, claims),
            Self::Ring(keys) => keys.sign(typ, claims),
        }
    }

    /// How long tokens may live.
    pub(crate) fn longest(&self) -> Duration {
        match self {
            Self::Shared(_) => Duration::MAX,
            Self::Ring(keys) => keys.longest(),
        }
    }
}
