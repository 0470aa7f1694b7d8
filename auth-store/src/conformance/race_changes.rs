//! Rules for concurrent changes of one sign-in.
//!
//! A compare-and-swap must have one winner, and changes of different parts must not lose each other.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};

use super::assertions::{alive, alive_as, same, stored};
use super::fixtures::{ADA, KIND, MINUTE, now, principal, refresh, sign_in, with_secret};
use super::parallel::{ROUNDS, after_turns, together};
use super::report::{Outcome, Violation, ensure};
use crate::store::{CompareAndSwap, Store};

/// The number of tasks that change one record at once.
const WRITERS: usize = 12;

/// Compare-and-swap with retries loses no update.
pub(super) async fn parallel_updates_lose_nothing(store: &Arc<dyn Store>) -> Outcome {
    for _ in 0..ROUNDS / 4 {
        let id = sign_in(&**store, ADA).await?.id;
        for outcome in together(WRITERS, |i| merge(Arc::clone(store), id, i)).await? {
            outcome?;
        }
        let record = alive(&**store, &id).await?;
        let found = record.data.iter().filter(|(key, _)| key.starts_with("writer")).count();
        let version = record.version;
        ensure(
            found == WRITERS && version == WRITERS as u64,
            format!("{WRITERS} updates were stored; {found} are left, at version {version}"),
        )?;
    }
    Ok(())
}

/// Adds a key of its own to the latest data.
async fn merge(store: Arc<dyn Store>, id: SignInId, writer: usize) -> Outcome {
    let mut newest = alive(&*store, &id).await?;
    // Each conflict means that another update was stored, so the number of retries is bounded.
    for _ in 0..=2 * WRITERS {
        after_turns(1).await;
        let mut data = newest.data.clone();
        data.insert(format!("writer{writer}"), "1");
        match store.update(&id, newest.version, data).await? {
            CompareAndSwap::Stored(_) => return Ok(()),
            CompareAndSwap::Conflict(record) => newest = record,
            CompareAndSwap::NotFound => {
                return Err(Violation::new("the sign-in is gone after an update"));
            }
        }
    }
    Err(Violation::new("an update conflicts repeatedly although no other is stored"))
}

/// Of several changes from the same roles, one is made, and no other undoes it.
pub(super) async fn sec_88_parallel_swaps_of_roles_have_one_winner(
    store: &Arc<dyn Store>,
) -> Outcome {
    let roles: Result<Vec<_>, _> = (0..WRITERS).map(|i| principal(&format!("role{i}"))).collect();
    let roles = roles?;
    for _ in 0..ROUNDS {
        let mut record = sign_in(&**store, ADA).await?;
        let from: Arc<[u8]> = record.principal().into();
        let task = |i: usize| {
            let (store, from, to) = (Arc::clone(store), Arc::clone(&from), roles[i].clone());
            async move { store.swap_principal(ADA, &from, &to).await }
        };
        let counts: Result<Vec<_>, _> = together(WRITERS, task).await?.into_iter().collect();
        let counts = counts?;
        let won = (0..WRITERS).find(|i| counts[*i] == 1);
        let Some(won) = won.filter(|_| counts.iter().sum::<usize>() == 1) else {
            return Err(Violation::new(format!("swaps of the same roles changed {counts:?}")));
        };
        record.set_principal(roles[won].clone());
        record.version += 1;
        alive_as(&**store, &record).await?;
        store.revoke_subject(ADA).await?;
    }
    Ok(())
}

/// Of several rotations from one secret, one succeeds, and the others receive its result.
pub(super) async fn sec_63_parallel_rotations_have_one_winner(store: &Arc<dyn Store>) -> Outcome {
    for _ in 0..ROUNDS {
        let (secret, record) = with_secret(&**store).await?;
        let (id, until) = (record.id, now() + MINUTE);
        let task = |_| {
            let (store, secret) = (Arc::clone(store), secret.clone());
            async move {
                let (_, rotation) = refresh(&secret, Some(until))?;
                Ok::<_, Violation>(
                    store.rotate(&id, &secret.digests(KIND).current, rotation).await?,
                )
            }
        };
        let (mut won, mut lost) = (Vec::new(), Vec::new());
        for swap in together(WRITERS, task).await? {
            match swap? {
                CompareAndSwap::Stored(record) => won.push(record),
                CompareAndSwap::Conflict(record) => lost.push(record),
                CompareAndSwap::NotFound => {
                    return Err(Violation::new("the sign-in is gone after a rotation"));
                }
            }
        }
        ensure(won.len() == 1, format!("{} rotations replaced one secret", won.len()))?;
        let newest = alive(&**store, &id).await?;
        for record in won.iter().chain(&lost) {
            same(&newest, record)?;
        }
    }
    Ok(())
}

/// The last-seen time is that of the latest use.
pub(super) async fn parallel_touches_keep_the_latest(store: &Arc<dyn Store>) -> Outcome {
    for _ in 0..ROUNDS {
        let mut record = sign_in(&**store, ADA).await?;
        let (id, created_at) = (record.id, record.created_at);
        let at = |i| Timestamp::from_millis(created_at.as_millis() + 1 + (7 * i as u64) % 12);
        let task = |i| {
            let (store, id, at) = (Arc::clone(store), id, at(i));
            async move { store.touch(&id, at).await }
        };
        for touched in together(WRITERS, task).await? {
            touched?;
        }
        record.touch(Timestamp::from_millis(created_at.as_millis() + 12));
        same(&record, &*alive(&**store, &record.id).await?)?;
    }
    Ok(())
}

/// A use, an update, a refresh and a change of roles at once: none is lost, and the rotation does not
/// conflict with the update.
pub(super) async fn changes_of_different_parts_are_all_kept(store: &Arc<dyn Store>) -> Outcome {
    for round in 0..ROUNDS {
        let (secret, mut expected) = with_secret(&**store).await?;
        let (id, at) = (expected.id, now() + 2 * MINUTE); // after the rotation
        let (_, rotation) = refresh(&secret, Some(now() + MINUTE))?;
        let task = |i| {
            let (store, rotation, from) = (Arc::clone(store), rotation.clone(), expected.current);
            async move {
                if i == 0 {
                    return merge(store, id, 1).await;
                }
                after_turns(round % 4).await;
                match i {
                    1 => store.touch(&id, at).await?,
                    2 => drop(stored(store.rotate(&id, &from, rotation).await?)?),
                    _ => drop(store.update_subject(ADA, &principal("writer")?).await?),
                }
                Ok(())
            }
        };
        for outcome in together(4, task).await? {
            outcome?;
        }
        expected.touch(at);
        expected.data.insert("writer1", "1");
        expected.set_principal(principal("writer")?);
        expected.version += 2;
        rotation.apply(&mut expected);
        same(&expected, &*alive(&**store, &id).await?)?;
        store.delete(&id).await?;
    }
    Ok(())
}

/// A sign-in that is used while it is ended as idle either ends, or keeps the use. If it was still
/// there after the use, it does not end.
pub(super) async fn delete_if_idle_and_a_touch_agree(store: &Arc<dyn Store>) -> Outcome {
    for round in 0..ROUNDS {
        let record = sign_in(&**store, ADA).await?;
        let (id, seen, at) = (record.id, record.last_seen(), now() + MINUTE);
        let deleter = round % 2;
        let task = |i| {
            let store = Arc::clone(store);
            async move {
                if i == deleter {
                    return store.delete_if_idle(&id, seen).await;
                }
                store.touch(&id, at).await?;
                Ok(store.load(&id).await?.is_some())
            }
        };
        let mut answers = together(2, task).await?;
        let used = answers.swap_remove(1 - deleter)?;
        let deleted = answers.swap_remove(0)?;
        ensure(!(used && deleted), "a sign-in that was just used has ended as idle")?;
        let left = store.load(&id).await?;
        ensure(
            left.is_none() == deleted,
            "an ended sign-in is still there, or one that did not end is gone",
        )?;
        let shown = left.is_none_or(|record| record.last_seen() == at);
        ensure(shown, "the last-seen time of a used sign-in did not move")?;
    }
    Ok(())
}
