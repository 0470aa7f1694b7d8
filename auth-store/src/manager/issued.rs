//! [`IssuedSecret`], the result of starting or refreshing a sign-in.
//!
//! It holds the new secret, and what a backend needs to deliver it to the client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Persistence, SignInId, Timestamp};

use crate::lifetime::Deadlines;
use crate::record::{Record, SignInDetails};
use crate::secret::{Secret, SecretKind};

/// A new secret, with what a backend needs to deliver it to the client.
#[derive(Clone)]
#[non_exhaustive]
pub struct IssuedSecret {
    /// The secret.
    pub secret: Secret,
    /// What the secret is for.
    pub kind: SecretKind,
    /// When the sign-in ends.
    pub limits: Deadlines,
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
        let Record { kind, limits, persistence, authenticated_at, .. } = *record;
        Self {
            secret,
            kind,
            limits,
            persistence,
            subject: record.subject.clone(),
            principal: record.principal().into(),
            details: record.details.clone(),
            authenticated_at,
        }
    }

    /// Returns the public id of the sign-in.
    #[must_use]
    pub fn sid(&self) -> SignInId {
        self.secret.sid()
    }

    /// Returns how long the sign-in lasts from now on.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.limits.ends_at.since(now)
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

/// Omits the claims, which may be personal.
impl fmt::Debug for IssuedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedSecret")
            .field("secret", &self.secret)
            .field("kind", &self.kind)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
