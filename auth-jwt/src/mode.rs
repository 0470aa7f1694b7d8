//! What a `JwtAuth` can do with its keys, as a type.
//!
//! The modes exist so that a `JwtAuth` with nothing but public keys has no method `sign_in`. They are
//! hidden from the documentation: applications write `JwtAuth<C>` or `JwtSignIn<C>`.

#[cfg(feature = "sign-in")]
use std::sync::Arc;
#[cfg(feature = "sign-in")]
use std::time::Duration;

use auth_core::{Clock, CookiePolicy};
#[cfg(feature = "sign-in")]
use auth_store::SignInManager;
#[cfg(feature = "sign-in")]
use serde::Serialize;

#[cfg(feature = "sign-in")]
use crate::jws::SignError;
use crate::key::HmacKey;
use crate::signing_keys::SigningKeys;

/// A mode of [`JwtAuth`](crate::JwtAuth). This trait is sealed.
pub trait Mode: sealed::Sealed + Clone + Send + Sync + 'static {}

pub(crate) mod sealed {
    use super::{Clock, CookiePolicy};

    /// What depends on the mode.
    pub trait Sealed: Sized {
        /// Changes the clock that the mode has.
        #[must_use]
        fn with_clock(self, _: &Clock) -> Self {
            self
        }

        /// # Panics
        ///
        /// Panics if the mode uses a cookie of the same name for something else.
        fn check_cookie(&self, _: &CookiePolicy) {}

        /// Returns the stored sign-ins that tokens of ours belong to.
        #[cfg(feature = "sign-in")]
        fn sign_ins(&self) -> Option<&super::Arc<super::SignInManager>> {
            None
        }
    }
}

/// Keys that verify tokens.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Verifies;

/// Keys that verify and sign tokens.
#[derive(Clone, Debug)]
pub struct Signs(#[cfg_attr(not(feature = "sign-in"), expect(dead_code))] pub(crate) Signer);

impl Mode for Verifies {}
impl sealed::Sealed for Verifies {}

impl Mode for Signs {}
impl sealed::Sealed for Signs {}

/// A key, or several, that sign tokens.
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

    /// Returns the longest lifetime of a token, after which the keys are not published any more.
    pub(crate) fn longest(&self) -> Duration {
        match self {
            Self::Shared(_) => Duration::MAX,
            Self::Ring(keys) => keys.longest(),
        }
    }
}
