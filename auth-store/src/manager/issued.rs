//! What a backend has to carry to its client.

use std::fmt;
use std::sync::Arc;

use auth_core::{Persistence, SignInId, Timestamp};

use crate::lifetime::Deadlines;
use crate::record::{Record, SignInDetails};
use crate::secret::{Secret, SecretKind};

/// A secret for the client, and what has to be known to carry it there.
#[derive(Clone)]
#[non_exhaustive]
pub struct IssuedSecret {
    /// The secret.
    pub secret: Secret,
    /// What it is for.
    pub kind: SecretKind,
    /// How long the sign-in lasts.
    pub limits: Deadlines,
    /// Whether its cookie outlives the browser.
    pub persistence: Persistence,
    /// Whose sign-in it is; none while anonymous.
    pub subject: Option<Arc<str>>,
    /// Roles and claims, see [`encode`](crate::encode).
    pub principal: Box<[u8]>,
    /// How it was authenticated, and on which device.
    pub details: Option<Box<SignInDetails>>,
    /// When the user last proved who they are.
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

    /// The sign-in's public id.
    #[must_use]
    pub fn sid(&self) -> SignInId {
        self.secret.sid()
    }
}

/// Without the claims, which may be personal.
impl fmt::Debug for IssuedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedSecret")
            .field("secret", &self.secret)
            .field("kind", &self.kind)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
