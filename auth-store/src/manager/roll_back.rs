//! Rolling back sign-ins whose credentials do not reach their clients.
//!
//! A step without an answer is treated as if it had happened. What takes it back is registered in the
//! request's state before the step is sent, and runs in the background: if the sign-in fails or is
//! cancelled, or if its response is never sent.

use std::sync::Arc;

use auth_core::{RequestState, SignInId};

use super::background;
use super::sign_in_manager::SignInManager;
use crate::record::{Reauthentication, Record, Rotation};
use crate::secret::{Digest, SecretDigests};
use crate::store::CompareAndSwap;

/// Whether the store has answered the step that is rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It may still take effect, so a rollback that finds nothing is repeated.
    Unanswered,
    /// It has taken effect.
    Done,
}

impl SignInManager {
    /// Deletes a sign-in that the request starts, unless its secret is delivered.
    pub(super) fn delete_unless_delivered(&self, state: &RequestState, id: SignInId, step: Step) {
        let store = Arc::clone(&self.store);
        state.roll_back_unless_delivered(move || {
            tracing::info!(sign_in = %id, "sign-in rolled back; its credential was not delivered");
            background::repeat("roll back a sign-in", move || {
                let store = Arc::clone(&store);
                async move { Ok(store.delete(&id).await? || step == Step::Done) }
            });
        });
    }

    /// Gives a sign-in its old secret and authentication back, unless the secret with this digest is
    /// delivered.
    pub(super) fn restore_unless_delivered(
        &self,
        state: &RequestState,
        old: &Arc<Record>,
        new: Digest,
    ) {
        let (store, old) = (Arc::clone(&self.store), Arc::clone(old));
        state.roll_back_unless_delivered(move || {
            let id = old.id;
            tracing::info!(sign_in = %id, "sign-in restored; its new credential was not delivered");
            background::repeat("restore a sign-in", move || {
                let (store, old) = (Arc::clone(&store), Arc::clone(&old));
                async move {
                    Ok(match store.rotate(&id, &new, restoring(&old)).await? {
                        CompareAndSwap::Stored(_) | CompareAndSwap::NotFound => true,
                        // With the old secret, the rotation has not happened, but it still may.
                        CompareAndSwap::Conflict(found) => found.current != old.current,
                    })
                }
            });
        });
    }
}

/// Returns the rotation after which a sign-in is as `old` again, except for its data.
fn restoring(old: &Record) -> Rotation {
    Rotation {
        kind: old.kind,
        digests: SecretDigests { family: old.family, current: old.current },
        grace: old.details.as_ref().and_then(|details| details.grace),
        reauthentication: Some(Reauthentication {
            at: old.authenticated_at,
            deadlines: old.deadlines,
            persistence: old.persistence,
            principal: old.principal().into(),
            details: old.details.clone(),
        }),
    }
}
