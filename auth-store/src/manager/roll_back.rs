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
use crate::secret::SecretDigests;
use crate::store::{CompareAndSwap, Store};

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
            delete(&store, id, step);
        });
    }

    /// Gives a sign-in its old secret and authentication back, unless the secret of this rotation is
    /// delivered. Roles and claims that were changed since the rotation are kept. If they may have changed
    /// during the rollback itself, the sign-in ends.
    pub(super) fn restore_unless_delivered(
        &self,
        state: &RequestState,
        old: &Arc<Record>,
        rotation: &Rotation,
    ) {
        let (store, old) = (Arc::clone(&self.store), Arc::clone(old));
        let new = rotation.digests.current;
        let written = rotation.reauthentication.as_ref().and_then(|it| it.principal.clone());
        state.roll_back_unless_delivered(move || {
            let id = old.id;
            tracing::info!(sign_in = %id, "sign-in restored; its new credential was not delivered");
            background::repeat("restore a sign-in", move || {
                let (store, old, written) = (Arc::clone(&store), Arc::clone(&old), written.clone());
                async move {
                    let Some(found) = store.load(&id).await? else { return Ok(true) };
                    if found.current != new {
                        return Ok(false); // the rotation may still happen, or a later one be undone
                    }
                    let restored = restoring(&old, &found, written.as_deref());
                    Ok(match store.rotate(&id, &new, restored).await? {
                        CompareAndSwap::Stored(restored) => {
                            if written.is_some() && may_hide_new_roles(&found, &restored) {
                                tracing::info!(sign_in = %id, "sign-in ended; its roles may have changed");
                                delete(&store, id, Step::Done);
                            }
                            true
                        }
                        CompareAndSwap::NotFound => true,
                        CompareAndSwap::Conflict(_) => false,
                    })
                }
            });
        });
    }
}

/// Deletes a record that was created, in the background.
pub(super) fn delete(store: &Arc<dyn Store>, id: SignInId, step: Step) {
    let store = Arc::clone(store);
    background::repeat("roll back a sign-in", move || {
        let store = Arc::clone(&store);
        async move { Ok(store.delete(&id).await? || step == Step::Done) }
    });
}

/// Returns whether roles may have been replaced after `found` was loaded and before it was `restored`. The
/// rotation has overwritten them then, because it compares only the secret. Each change increments the
/// version, and one change of the data replaces no roles.
fn may_hide_new_roles(found: &Record, restored: &Record) -> bool {
    match restored.version.saturating_sub(found.version) {
        1 => false,
        2 => restored.data == found.data,
        _ => true,
    }
}

/// Returns the rotation after which a sign-in is as `old` again, except for its data. Roles and claims become
/// those of `old` only if they are still those `written` by the rotation that is undone.
fn restoring(old: &Record, found: &Record, written: Option<&[u8]>) -> Rotation {
    let is_ours = |written: &[u8]| found.principal() == written;
    Rotation {
        kind: old.kind,
        digests: SecretDigests { family: old.family, current: old.current },
        grace: old.details.as_ref().and_then(|details| details.grace),
        reauthentication: Some(Reauthentication {
            at: old.authenticated_at,
            seen_at: old.last_seen(),
            deadlines: old.deadlines,
            persistence: old.persistence,
            principal: written.is_some_and(is_ours).then(|| old.principal().into()),
            details: old.details.clone(),
        }),
    }
}
