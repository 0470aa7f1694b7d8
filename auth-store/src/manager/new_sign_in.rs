//! What the manager receives to start a sign-in, and what it returns.
//!
//! A backend passes a [`NewSignIn`], in which texts about the device are cut to a maximum length. It
//! gets an [`IssuedSecret`]: the new secret, and what is needed to deliver it to the client.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuthError, AuthErrorKind, AuthenticationInfo, Identity, Persistence, Principal, SignInId,
    SignInInfo, SignInOptions, SignedIn, Timestamp,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lifetime::Deadlines;
use crate::record::{self, Device, Record, SignInDetails};
use crate::secret::{Secret, SecretKind};

/// A sign-in to start: the user, and the kind of secret.
#[derive(Clone)]
pub struct NewSignIn {
    /// The kind of the secret. [Pending](SecretKind::pending) if a second factor is still to be verified.
    pub kind: SecretKind,
    /// The user. A subject that begins with U+0001 is reserved, and the sign-in fails with
    /// [`Serialization`](AuthErrorKind::Serialization).
    pub subject: Arc<str>,
    /// Roles and claims, encoded by [`encode`](crate::encode).
    pub principal: Box<[u8]>,
    /// How the user was authenticated, and on which device.
    pub details: Option<Box<SignInDetails>>,
    /// Whether the cookie outlives the browser session. `None` uses the manager's setting.
    pub persistence: Option<Persistence>,
    /// When the user was authenticated, if that was before the sign-in. A time in the future counts as now.
    pub authenticated_at: Option<Timestamp>,
}

// Omits the claims, which may be personal.
auth_core::redacted_debug!(NewSignIn { kind, subject });

/// What to do with the sign-in of a cookie that did not decide who sent the request: see
/// [`SignInRequest::secondary_sign_in`](crate::SignInRequest::secondary_sign_in).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondarySignIn {
    /// There is no such sign-in.
    None,
    /// Ends it: the new sign-in replaces it.
    Replace(SignInId),
    /// Continues it: no other credential decided, so the request acts for it.
    Continue(SignInId),
}

impl NewSignIn {
    /// Creates a sign-in with these options and a secret of this kind. If the options say that a second factor is
    /// still to be verified, the kind becomes [pending](SecretKind::pending). If they say that the user of the
    /// request acts for the principal, the manager adds this user. Long texts about the device are cut.
    ///
    /// # Errors
    ///
    /// Returns [`Serialization`](AuthErrorKind::Serialization) if the claims cannot be serialized.
    pub fn of<C: Serialize>(
        kind: SecretKind,
        options: &SignInOptions<C>,
        user_agent: Option<&str>,
    ) -> Result<Self, AuthError> {
        let principal = &options.principal;
        let encoded = record::encode(&principal.roles, &principal.claims);
        let encoded =
            encoded.map_err(|error| AuthError::new(AuthErrorKind::Serialization, error))?;
        let device = Device {
            user_agent: user_agent.map(|text| truncated(text, Device::MAX_USER_AGENT)),
            address: options.address,
            label: options.label.as_deref().map(|text| truncated(text, Device::MAX_LABEL)),
        };
        let roles = if kind.is_custom() { principal.roles.clone() } else { Vec::new() };
        let details = SignInDetails {
            scopes: principal.scopes.clone(),
            acr: principal.acr.clone(),
            amr: principal.amr.clone(),
            device,
            lifetime: options.lifetime,
            auth_hash: options.auth_hash.clone(),
            provider: options.provider.clone().map(Box::new),
            roles,
            ..SignInDetails::default()
        };
        let details = (details != SignInDetails::default()).then(|| Box::new(details));
        let (subject, persistence) = (Arc::clone(&principal.subject), options.persistence);
        let (principal, authenticated_at) = (encoded, options.authenticated_at);
        let kind = match (options.acting, options.pending) {
            (true, _) => kind.acting(),
            (false, true) => kind.pending(),
            (false, false) => kind,
        };
        Ok(Self { kind, subject, principal, details, persistence, authenticated_at })
    }
}

/// Returns at most `max` bytes of a text, without cutting a character.
fn truncated(text: &str, max: usize) -> Box<str> {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].into()
}

/// A new secret, with what a backend needs to deliver it to the client.
#[derive(Clone)]
#[non_exhaustive]
pub struct IssuedSecret {
    /// The secret.
    pub secret: Secret,
    /// The kind of the secret.
    pub kind: SecretKind,
    /// When the sign-in ends.
    pub deadlines: Deadlines,
    /// Whether its cookie outlives the browser session.
    pub persistence: Persistence,
    /// The user; none for a visitor.
    pub subject: Option<Arc<str>>,
    /// Roles and claims, encoded by [`encode`](crate::encode).
    pub principal: Box<[u8]>,
    /// How the user was authenticated, and on which device.
    pub details: Option<Box<SignInDetails>>,
    /// When the user was last authenticated.
    pub authenticated_at: Timestamp,
}

impl IssuedSecret {
    pub(super) fn new(secret: Secret, record: &Record) -> Self {
        let Record { kind, deadlines, persistence, authenticated_at, .. } = *record;
        Self {
            secret,
            kind: kind.together(),
            deadlines,
            persistence,
            subject: record.subject.clone(),
            principal: record.principal().into(),
            details: record.details.clone(),
            authenticated_at,
        }
    }

    /// Returns the public id of the sign-in.
    #[must_use]
    pub fn id(&self) -> SignInId {
        self.secret.id()
    }

    /// Describes the sign-in, which has started now, as a list of devices does.
    pub(super) fn info(&self, now: Timestamp) -> SignInInfo {
        let info = SignInInfo::new(self.id(), now, now);
        record::described(info, self.kind, self.deadlines, self.details.as_deref())
    }

    /// Returns the identity of this principal, as a credential of this scheme proves it from now on.
    #[must_use]
    pub fn identity<C>(&self, principal: Principal<C>, scheme: &'static str) -> Identity<C> {
        let authentication =
            AuthenticationInfo::new(scheme, self.kind.stated(self.authenticated_at));
        let mut authentication =
            authentication.sign_in(self.id()).expires_at(self.deadlines.ends_at);
        let actor = self.details.as_deref().and_then(|details| details.actor.as_deref());
        authentication.actor = actor.map(|actor| Arc::clone(&actor.subject));
        Identity::verified(principal, authentication)
    }

    /// Adds the identity of the sign-in to the result of a refresh, for a request that did not have this
    /// identity before. Adds none where [`to_principal`](Self::to_principal) returns `None`.
    #[must_use]
    pub fn identify<C>(&self, refreshed: SignedIn, scheme: &'static str) -> SignedIn
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        match self.to_principal::<C>() {
            Some(principal) => refreshed.identity(self.identity(principal, scheme)),
            None => refreshed,
        }
    }

    /// Returns the principal of the sign-in, or `None` if it is a visitor's, or if its claims cannot be
    /// read as a `C`.
    #[must_use]
    pub fn to_principal<C: DeserializeOwned>(&self) -> Option<Principal<C>> {
        let (subject, details) = (self.subject.as_ref()?, self.details.as_deref());
        record::decode_principal(subject, self.kind, &self.principal, details).ok()
    }

    /// Returns how long the sign-in lasts from now on.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.deadlines.ends_at.since(now)
    }

    /// Returns the `Max-Age` of its cookies: none for cookies that end with the browser session.
    #[must_use]
    pub fn cookie_max_age(&self, now: Timestamp) -> Option<Duration> {
        match self.persistence {
            Persistence::Session => None,
            Persistence::Persistent => Some(self.remaining(now)),
        }
    }
}

// Omits the claims, which may be personal.
auth_core::redacted_debug!(IssuedSecret { secret, kind, deadlines });
