//! [`NewSignIn`], which a backend passes to the manager to start a sign-in.
//!
//! Texts about the device are cut to a maximum length here.

use std::fmt;
use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, Persistence, Principal, SignInId, SignInOptions};
use serde::Serialize;

use crate::record::{Device, SignInDetails, codec};
use crate::secret::SecretKind;

/// A sign-in to start: the user, and the kind of secret.
#[derive(Clone)]
pub struct NewSignIn {
    /// What the secret is for.
    pub kind: SecretKind,
    /// The user.
    pub subject: Arc<str>,
    /// Roles and claims, encoded by [`encode`](crate::encode).
    pub principal: Box<[u8]>,
    /// How the user was authenticated, and on which device.
    pub details: Option<Box<SignInDetails>>,
    /// Whether the cookie outlives the browser session. `None` uses the manager's setting.
    pub persistence: Option<Persistence>,
}

/// Omits the claims, which may be personal.
impl fmt::Debug for NewSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSignIn")
            .field("kind", &self.kind)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// What to do with the sign-in of a cookie that did not decide who sent the request: see
/// [`SignInRequest::secondary_sign_in`](crate::SignInRequest::secondary_sign_in).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondarySignIn {
    /// There is none.
    None,
    /// End it: the new sign-in replaces it.
    Replace(SignInId),
    /// Continue it: no other credential decided, so the request acts for it.
    Continue(SignInId),
}

impl NewSignIn {
    /// Creates the sign-in of a principal with these options. Long texts about the device are cut.
    ///
    /// # Errors
    /// [`Serialization`](AuthErrorKind::Serialization) if the claims cannot be serialized.
    pub fn of<C: Serialize>(
        kind: SecretKind,
        principal: Principal<C>,
        options: &SignInOptions,
        user_agent: Option<&str>,
    ) -> Result<Self, AuthError> {
        let encoded = codec::encode(&principal.roles, &principal.claims);
        let encoded =
            encoded.map_err(|error| AuthError::new(AuthErrorKind::Serialization, error))?;
        let Principal { subject, scopes, acr, amr, .. } = principal;
        let device = Device {
            user_agent: user_agent.map(|text| truncated(text, Device::MAX_USER_AGENT)),
            address: options.address,
            label: options.label.as_deref().map(|text| truncated(text, Device::MAX_LABEL)),
        };
        let details = SignInDetails { scopes, acr, amr, device, ..SignInDetails::default() };
        let details = (details != SignInDetails::default()).then(|| Box::new(details));
        let persistence = options.persistence;
        Ok(Self { kind, subject, principal: encoded, details, persistence })
    }
}

/// Returns at most `max` bytes of a text, without cutting a character.
fn truncated(text: &str, max: usize) -> Box<str> {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].into()
}
