//! What a backend has to carry to its client.

use auth_core::{Persistence, SignInId};

use crate::lifetime::Limits;
use crate::record::Record;
use crate::secret::{Kind, Secret};

/// A secret for the client, and what has to be known to carry it there.
#[derive(Clone, Debug)]
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
}

impl Issued {
    pub(super) fn new(secret: Secret, record: &Record) -> Self {
        let Record { kind, limits, persistence, .. } = *record;
        Self { secret, kind, limits, persistence }
    }

    /// The sign-in's public id.
    #[must_use]
    pub fn sid(&self) -> SignInId {
        self.secret.sid()
    }
}
