//! What changes when a secret is replaced.

use std::fmt;

use auth_core::{Persistence, Timestamp};

use super::details::{RotationGrace, SignInDetails};
use super::stored::Record;
use crate::lifetime::Deadlines;
use crate::secret::{SecretDigests, SecretKind};

/// The secret that replaces another, and what changes with it.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// What the new secret is for.
    pub kind: SecretKind,
    /// Its digests.
    pub digests: SecretDigests,
    /// For how long a refresh with the old secret may be repeated; none ends it at once.
    pub grace: Option<RotationGrace>,
    /// What a new authentication brings; none for a refresh, which changes nothing else.
    pub renewal: Option<Reauthentication>,
}

/// What a new authentication of the same user brings to a sign-in that goes on.
#[derive(Clone)]
pub struct Reauthentication {
    /// When; also the new last-seen time.
    pub at: Timestamp,
    /// The limits, which start anew.
    pub limits: Deadlines,
    /// Whether the cookie outlives the browser.
    pub persistence: Persistence,
    /// Roles and claims.
    pub principal: Box<[u8]>,
    /// How it was authenticated, and on which device.
    pub details: Option<Box<SignInDetails>>,
}

/// Without the claims, which may be personal.
impl fmt::Debug for Reauthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reauthentication")
            .field("at", &self.at)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Rotation {
    /// Changes a record as this rotation says: what every store does, in its own way.
    pub fn apply(self, record: &mut Record) {
        record.kind = self.kind;
        record.family = self.digests.family;
        record.current = self.digests.current;
        if let Some(Reauthentication { at, limits, persistence, principal, details }) = self.renewal
        {
            record.authenticated_at = at;
            record.touch(at);
            record.limits = limits;
            record.persistence = persistence;
            record.details = details;
            record.set_principal(principal);
        }
        match (&mut record.details, self.grace) {
            (None, None) => {}
            (details, grace) => details.get_or_insert_default().grace = grace,
        }
        record.version += 1;
    }
}
