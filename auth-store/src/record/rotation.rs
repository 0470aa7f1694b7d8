//! The replacement of a sign-in's secret.
//!
//! A refresh replaces the secret only; a new authentication of the same user also replaces roles,
//! claims, details and deadlines. [`Rotation::apply`] defines both for every store.

use auth_core::{Persistence, Timestamp};

use super::stored::Record;
use super::stored::{RotationGrace, SignInDetails};
use crate::lifetime::Deadlines;
use crate::secret::{SecretDigests, SecretKind};

/// A new secret for a sign-in, and what changes with it.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The kind of the new secret. It must [count with](SecretKind::counts_with) the kind that the record
    /// has.
    pub kind: SecretKind,
    /// The digests of the new secret.
    pub digests: SecretDigests,
    /// How long a refresh with the old secret may be repeated; `None` invalidates it at once. A grace also
    /// moves the last-seen time forward to [`replaced_at`](RotationGrace::replaced_at), because a refresh is a
    /// use.
    pub grace: Option<RotationGrace>,
    /// What a new authentication changes; `None` for a refresh, which changes nothing else.
    pub reauthentication: Option<Reauthentication>,
}

/// What a new authentication of the same user changes in an existing sign-in.
///
/// `Debug` does not show the claims, which may be personal.
#[derive(Clone)]
pub struct Reauthentication {
    /// When the user was authenticated, which may have been before this request.
    pub at: Timestamp,
    /// When the request was made. Moves the last-seen time forward, so that the idle timeout starts anew.
    pub seen_at: Timestamp,
    /// The new deadlines.
    pub deadlines: Deadlines,
    /// Whether the cookie outlives the browser session.
    pub persistence: Persistence,
    /// Roles and claims, [encoded](crate::encode). `None` keeps those that the record has at that moment, so
    /// that a concurrent change of them is not undone.
    pub principal: Option<Box<[u8]>>,
    /// How the user was authenticated, and on which device.
    pub details: Option<Box<SignInDetails>>,
}

auth_core::redacted_debug!(Reauthentication { at, deadlines });

impl Rotation {
    /// Applies this rotation to a record, and increments its version.
    ///
    /// A store that cannot call this, because its backend makes the change, must have the same effect.
    pub fn apply(self, record: &mut Record) {
        record.kind = self.kind;
        record.family = self.digests.family;
        record.current = self.digests.current;
        if let Some(Reauthentication { at, seen_at, deadlines, persistence, principal, details }) =
            self.reauthentication
        {
            record.authenticated_at = at;
            record.touch(seen_at);
            record.deadlines = deadlines;
            record.persistence = persistence;
            record.details = details;
            // The identity is decoded again in any case: it repeats the details.
            let principal = principal.unwrap_or_else(|| record.principal().into());
            record.set_principal(principal);
        }
        if let Some(grace) = &self.grace {
            record.touch(grace.replaced_at);
        }
        match (&mut record.details, self.grace) {
            (None, None) => {}
            (details, grace) => details.get_or_insert_default().grace = grace,
        }
        record.version += 1;
    }
}
