//! A sign-in that is to be made.

use std::fmt;
use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, Persistence, Principal, SignInId, SignInOptions};
use serde::Serialize;

use crate::record::{Device, SignInDetails, codec};
use crate::secret::SecretKind;

/// Who signs in, and by what.
#[derive(Clone)]
pub struct NewSignIn {
    /// What the secret is for.
    pub kind: SecretKind,
    /// Whose sign-in it is.
    pub subject: Arc<str>,
    /// Roles and claims, see [`encode`](crate::encode).
    pub principal: Box<[u8]>,
    /// How it was authenticated, and on which device.
    pub details: Option<Box<SignInDetails>>,
    /// Whether its cookie outlives the browser; none for the manager's setting.
    pub persistence: Option<Persistence>,
}

/// Without the claims, which may be personal.
impl fmt::Debug for NewSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSignIn")
            .field("kind", &self.kind)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// The sign-in of a secret that came beside the credential that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondarySignIn {
    /// There is none.
    Nothing,
    /// It ends: the new one takes its place.
    Ends(SignInId),
    /// The request acts for it, since nothing else decided.
    GoesOn(SignInId),
}

impl NewSignIn {
    /// The sign-in of this principal, as somebody asked for it.
    ///
    /// # Errors
    /// [`SessionData`](AuthErrorKind::Serialization) if the claims do not serialize.
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
            user_agent: user_agent.map(|text| start(text, Device::MAX_USER_AGENT)),
            address: options.address,
            label: options.label.as_deref().map(|text| start(text, Device::MAX_LABEL)),
        };
        let details = SignInDetails { scopes, acr, amr, device, ..SignInDetails::default() };
        let details = (details != SignInDetails::default()).then(|| Box::new(details));
        let persistence = options.persistence;
        Ok(Self { kind, subject, principal: encoded, details, persistence })
    }
}

/// The first bytes of a text, whole letters only.
fn start(text: &str, most: usize) -> Box<str> {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].into()
}
