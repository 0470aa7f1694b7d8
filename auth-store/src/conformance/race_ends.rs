//! Rules for requests that are in progress when the sign-in ends.
//!
//! A change must never bring back an ended sign-in: a slow request would undo a sign-out.

use std::sync::Arc;

use auth_core::BoxFuture;

use super::assertions::gone;
use super::fixtures::{
    ADA, BOB, KIND, MINUTE, data, draft, limit, now, principal, refresh, sign_in, with_secret,
};
use super::parallel::{ROUNDS, after_turns, together};
use super::report::{Outcome, Violation, ensure};
use crate::record::Record;
use crate::secret::Secret;
use crate::store::{CompareAndSwap, Deleted, OverflowPolicy, Store};

/// Every way to end a sign-in unconditionally.
const ENDS: [End; 5] =
    [End::Delete, End::Revoke, End::RevokeOthers, End::RevokeSubject, End::Evict];

#[derive(Clone, Copy, Debug)]
enum End {
    Delete,
    Revoke,
    RevokeOthers,
    RevokeSubject,
    Evict,
}

impl End {
    async fn of(self, store: Arc<dyn Store>, record: Record) -> Outcome {
        let ended = match self {
            Self::Delete => store.delete(&record.id).await?,
            Self::Revoke => store.revoke(ADA, &record.id).await?,
            Self::RevokeOthers => {
                let keep = store.new_id(Some(ADA))?;
                store.revoke_others(ADA, &keep).await? == 1
            }
            Self::RevokeSubject => store.revoke_subject(ADA).await? == 1,
            Self::Evict => {
                let newer = draft(&*store, ADA, record.created_at + MINUTE)?;
                store.create(newer, Some(limit(1, OverflowPolicy::EvictOldest))).await?;
                true
            }
        };
        ensure(ended, format!("{self:?} of an existing sign-in reports that there is none"))
    }
}

/// A slow update does not undo a sign-out.
pub(super) async fn sec_77_an_update_never_undoes_an_end(store: &Arc<dyn Store>) -> Outcome {
    late(store, |store, _, record| Box::pin(update(store, record))).await
}

async fn update(store: Arc<dyn Store>, record: Record) -> Outcome {
    let mut version = record.version;
    for _ in 0..4 {
        match store.update(&record.id, version, data("cart", "[3]")).await? {
            CompareAndSwap::Stored(newest) | CompareAndSwap::Conflict(newest) => {
                version = newest.version;
            }
            CompareAndSwap::NotFound => break,
        }
    }
    Ok(())
}

/// A refresh in progress does not undo a sign-out.
pub(super) async fn sec_77_a_rotation_never_undoes_an_end(store: &Arc<dyn Store>) -> Outcome {
    late(store, |store, secret, record| {
        Box::pin(async move {
            let (_, rotation) = refresh(&secret, Some(now() + MINUTE))?;
            store.rotate(&record.id, &secret.digests(KIND).current, rotation).await?;
            Ok(())
        })
    })
    .await
}

/// A touch, which runs after the response, does not undo a sign-out.
pub(super) async fn sec_77_a_touch_never_undoes_an_end(store: &Arc<dyn Store>) -> Outcome {
    late(store, |store, _, record| {
        Box::pin(async move { Ok(store.touch(&record.id, now() + MINUTE).await?) })
    })
    .await
}

/// A change of roles does not undo a sign-out.
pub(super) async fn sec_77_update_subject_never_undoes_an_end(store: &Arc<dyn Store>) -> Outcome {
    late(store, |store, _, _| {
        Box::pin(async move {
            store.update_subject(ADA, &principal("writer")?).await?;
            Ok(())
        })
    })
    .await
}

/// Runs each kind of end concurrently with two tasks that run `act` on the same sign-in.
async fn late(
    store: &Arc<dyn Store>,
    act: fn(Arc<dyn Store>, Secret, Record) -> BoxFuture<Outcome>,
) -> Outcome {
    for (round, end) in (0..ROUNDS).flat_map(|round| ENDS.map(|end| (round, end))) {
        let (secret, record) = with_secret(&**store).await?;
        let task = |i| -> BoxFuture<Outcome> {
            let (store, record) = (Arc::clone(store), record.clone());
            if i > 0 {
                return act(store, secret.clone(), record);
            }
            Box::pin(async move {
                after_turns(round % 4).await;
                end.of(store, record).await
            })
        };
        for outcome in together(3, task).await? {
            outcome?;
        }
        gone(&**store, &record.id, ADA)
            .await
            .map_err(|violation| Violation::new(format!("after {end:?}: {violation}")))?;
        store.revoke_subject(ADA).await?;
    }
    Ok(())
}

/// Either the delete at the given version succeeds, or the update does and the sign-in stays.
pub(super) async fn delete_if_version_and_update_never_both_succeed(
    store: &Arc<dyn Store>,
) -> Outcome {
    for round in 0..ROUNDS {
        let id = sign_in(&**store, BOB).await?.id;
        let deleter = round % 2;
        let task = |i| {
            let store = Arc::clone(store);
            async move {
                Ok::<_, Violation>(if i == deleter {
                    matches!(store.delete_if_version(&id, 0).await?, Deleted::Done)
                } else {
                    matches!(
                        store.update(&id, 0, data("cart", "[]")).await?,
                        CompareAndSwap::Stored(_)
                    )
                })
            }
        };
        let won: Result<Vec<_>, _> = together(2, task).await?.into_iter().collect();
        let won = won?;
        let (deleted, updated) = (won[deleter], won[1 - deleter]);
        ensure(deleted != updated, format!("deleted: {deleted}, updated: {updated}"))?;
        let left = store.load(&id).await?.is_some();
        ensure(left == updated, "a deleted sign-in is still there, or an updated one is gone")?;
    }
    Ok(())
}

/// Of several concurrent ends of one sign-in, exactly one reports that it ended it.
pub(super) async fn a_sign_in_ends_once(store: &Arc<dyn Store>) -> Outcome {
    for _ in 0..ROUNDS {
        let record = sign_in(&**store, ADA).await?;
        let task = |i| {
            let (store, id, seen) = (Arc::clone(store), record.id, record.last_seen());
            async move {
                Ok::<_, Violation>(match i % 6 {
                    0 => usize::from(store.delete(&id).await?),
                    1 => usize::from(store.revoke(ADA, &id).await?),
                    2 => {
                        usize::from(matches!(store.delete_if_version(&id, 0).await?, Deleted::Done))
                    }
                    3 => usize::from(store.delete_if_idle(&id, seen).await?),
                    4 => store.revoke_others(ADA, &store.new_id(Some(ADA))?).await?,
                    _ => store.revoke_subject(ADA).await?,
                })
            }
        };
        let ended: Result<Vec<_>, _> = together(12, task).await?.into_iter().collect();
        let times: usize = ended?.iter().sum();
        ensure(times == 1, format!("one sign-in ended {times} times"))?;
        gone(&**store, &record.id, ADA).await?;
    }
    Ok(())
}
