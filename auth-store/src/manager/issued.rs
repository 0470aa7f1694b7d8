//! What a backend has to carry to its client.

use std::fmt;
use std::sync::Arc;

use auth_core::{Persistence, SignInId, Timestamp};

use crate::details::Details;
use crate::lifetime::Limits;
use crate::record::Record;
use crate::secret::{Kind, Secret};

/// A secret for the client, and what has to be known to carry it there.
#[derive(Clone)]
#[non_exhaustive]
pub struct Issued {
    /// The secret.
    pub secret: Secret,
    /// What it is for.
    pub kind: Kind,
    /// How long the sign-in lasts.
    pub limits: Limits,
    /// Whether its cookie outlives the browser.
    pub persistence: Persistence,
    /// Whose sign-in it is; none while anonymous.
    pub subject: Option<Arc<str>>,
    /// Roles and claims, see [`encode`](crate::encode).
    pub principal: Box<[u8]>,
    /// How it was authenticated, and on which device.
    pub details: Option<Box<Details>>,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
}

impl Issued {
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
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("secret", &self.secret)
            .field("kind", &self.kind)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
