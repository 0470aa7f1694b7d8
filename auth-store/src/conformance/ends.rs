//! Rules for ending one sign-in, and for removing expired ones: the `delete` methods and `sweep`.
//!
//! A store may remove expired sign-ins on its own, so that `sweep` finds none. The rules therefore
//! require only that they are gone afterwards.

use std::sync::Arc;
use std::time::Duration;

use auth_core::SignInId;

use super::assertions::{alive_as, gone, listed, same, stored};
use super::changes::reauthentication;
use super::fixtures::{
    ADA, DAY, MINUTE, anonymous, data, draft, expired, limit, now, principal, put, sign_in,
    unknown, visitor, with_secret,
};
use super::report::{Outcome, Violation, ensure};
use super::watch::ENDS;
use crate::lifetime::Deadlines;
use crate::record::Record;
use crate::store::{Created, Deleted, OverflowPolicy, Store, Swept};

/// Returns `true` once and `false` afterwards. Other sign-ins stay.
pub(super) async fn delete_ends_a_sign_in_once(store: &Arc<dyn Store>) -> Outcome {
    let (ended, neighbour) = (sign_in(&**store, ADA).await?, sign_in(&**store, ADA).await?);
    ensure(
        store.delete(&ended.id).await?,
        "delete of an existing sign-in reports that there is none",
    )?;
    gone(&**store, &ended.id, ADA).await?;
    for id in [ended.id, unknown(&**store)?] {
        ensure(
            !store.delete(&id).await?,
            "delete of a missing sign-in reports that there was one",
        )?;
    }
    alive_as(&**store, &neighbour).await?;

    let visitor = anonymous(&**store).await?.id;
    ensure(
        store.delete(&visitor).await?,
        "delete of an anonymous sign-in reports that there is none",
    )?;
    gone(&**store, &visitor, ADA).await
}

/// A sign-in that has changed is not deleted, and the answer is the current record.
pub(super) async fn delete_if_version_ends_only_this_version(store: &Arc<dyn Store>) -> Outcome {
    let id = sign_in(&**store, ADA).await?.id;
    let newest = stored(store.update(&id, 0, data("cart", "[3]")).await?)?;
    for version in [0, 2] {
        match store.delete_if_version(&id, version).await? {
            Deleted::Conflict(current) => same(&newest, &current)?,
            other => {
                return Err(Violation::new(format!(
                    "delete_if_version of another version returns {other:?}"
                )));
            }
        }
        alive_as(&**store, &newest).await?;
    }
    let deleted = store.delete_if_version(&id, 1).await?;
    ensure(
        matches!(deleted, Deleted::Done),
        format!("delete_if_version of the current version returns {deleted:?}"),
    )?;
    gone(&**store, &id, ADA).await?;
    for id in [id, unknown(&**store)?] {
        let deleted = store.delete_if_version(&id, 1).await?;
        ensure(
            matches!(deleted, Deleted::NotFound),
            format!("delete_if_version of a missing sign-in returns {deleted:?}"),
        )?;
    }
    Ok(())
}

/// A use is not a change.
pub(super) async fn delete_if_version_ignores_uses(store: &Arc<dyn Store>) -> Outcome {
    let id = sign_in(&**store, ADA).await?.id;
    store.touch(&id, now() + MINUTE).await?;
    let deleted = store.delete_if_version(&id, 0).await?;
    ensure(
        matches!(deleted, Deleted::Done),
        format!("delete_if_version after a use returns {deleted:?}"),
    )?;
    gone(&**store, &id, ADA).await
}

/// A node with an outdated last-seen time does not end an active sign-in.
pub(super) async fn sec_85_delete_if_idle_spares_a_sign_in_used_since(
    store: &Arc<dyn Store>,
) -> Outcome {
    let mut record = sign_in(&**store, ADA).await?;
    let (before, used) = (record.last_seen(), now() + MINUTE);
    store.touch(&record.id, used).await?;
    record.touch(used);
    for last_seen in [before, used.before(Duration::from_millis(1))] {
        let deleted = store.delete_if_idle(&record.id, last_seen).await?;
        ensure(!deleted, "a sign-in that was used since has ended as idle")?;
        alive_as(&**store, &record).await?;
    }
    Ok(())
}

/// A sign-in that was not used since ends once.
pub(super) async fn delete_if_idle_ends_a_sign_in_not_used_since(
    store: &Arc<dyn Store>,
) -> Outcome {
    for later in [Duration::ZERO, MINUTE] {
        let record = sign_in(&**store, ADA).await?;
        let last_seen = record.last_seen() + later;
        let deleted = store.delete_if_idle(&record.id, last_seen).await?;
        ensure(deleted, "a sign-in that was not used since has not ended")?;
        gone(&**store, &record.id, ADA).await?;
        for id in [record.id, unknown(&**store)?] {
            let deleted = store.delete_if_idle(&id, last_seen).await?;
            ensure(!deleted, "a missing sign-in is reported as ended")?;
        }
    }
    Ok(())
}

/// Whichever way it ended, it is not counted among the subject's sign-ins, nor for a limit.
pub(super) async fn an_ended_sign_in_is_not_counted(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    for way in 0..6 {
        let record = sign_in(store, ADA).await?;
        let (id, seen) = (record.id, record.last_seen());
        match way {
            0 => drop(store.delete(&id).await?),
            1 => drop(store.delete_if_version(&id, 0).await?),
            2 => drop(store.delete_if_idle(&id, seen).await?),
            3 => drop(store.revoke(ADA, &id).await?),
            4 => drop(store.revoke_others(ADA, &unknown(store)?).await?),
            _ => drop(store.revoke_subject(ADA).await?),
        }
        gone(store, &id, ADA).await?;
        let updated = store.update_subject(ADA, &principal("writer")?).await?;
        let others = store.revoke_others(ADA, &unknown(store)?).await?;
        let all = store.revoke_subject(ADA).await?;
        ensure(updated + others + all == 0, "an ended sign-in is counted among the subject's")?;
        let next = only_sign_in(store, "an ended sign-in counts for the limit").await?;
        store.delete(&next.id).await?;
    }
    Ok(())
}

/// Creates the only sign-in of a user who may have one.
pub(super) async fn only_sign_in(store: &dyn Store, fault: &str) -> Result<Record, Violation> {
    let (next, one) = (draft(store, ADA, now())?, limit(1, OverflowPolicy::Reject));
    let created = store.create(next.clone(), Some(one)).await?;
    let is_stored = created == Created::Stored { evicted: 0 };
    ensure(is_stored, format!("{fault}: create with a limit of 1 returns {created:?}"))?;
    Ok(next)
}

/// Whichever way it ended, its id can be used again, and is then listed and counted once.
pub(super) async fn an_ended_sign_in_leaves_no_trace(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    for end in ENDS {
        let record = sign_in(store, ADA).await?;
        end.of(store, &record).await?;
        gone(store, &record.id, ADA).await?;
        put(store, &record).await?;
        alive_as(store, &record).await?;
        let listed = listed(store, ADA).await?;
        let times = listed.iter().filter(|id| **id == record.id).count();
        ensure(times == 1, format!("after {end:?}, a new sign-in is listed {times} times"))?;
        let ended = store.revoke_subject(ADA).await?;
        ensure(
            ended == listed.len(),
            format!("after {end:?}, of {} sign-ins {ended} ended", listed.len()),
        )?;
    }
    Ok(())
}

/// The number of calls that a store may need to examine a few sign-ins.
const MAX_CALLS: usize = 1000;

/// Sign-ins past either deadline are removed, anonymous ones too, also from the subject's list.
pub(super) async fn sweep_removes_expired_sign_ins(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let mut over = vec![expired(store, ADA).await?.id, expired(store, ADA).await?.id];
    let mut idle = draft(store, ADA, now().before(DAY))?;
    idle.deadlines.ends_at = now() + DAY;
    put(store, &idle).await?;
    over.push(idle.id);
    let mut visitor = visitor(store, now().before(3 * DAY))?;
    visitor.deadlines.ends_at = now().before(DAY);
    put(store, &visitor).await?;
    over.push(visitor.id);

    let living = sign_in(store, ADA).await?;
    let collected = sweep_all(store, &over, 100).await?;
    ensure(collected <= 4, format!("4 sign-ins had expired, and {collected} were removed"))?;
    for id in &over {
        gone(store, id, ADA).await?;
    }
    alive_as(store, &living).await
}

/// No sign-in that is active at the given time is removed, however a use extended its idle timeout.
pub(super) async fn sweep_never_removes_a_living_sign_in(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let start = now();
    let young = sign_in(store, ADA).await?;
    let visitor = anonymous(store).await?;
    let mut ending = draft(store, ADA, start)?;
    ending.deadlines = Deadlines { idle_secs: 0, ends_at: start + 2 * MINUTE };
    put(store, &ending).await?;
    let mut used = draft(store, ADA, start.before(MINUTE))?;
    used.deadlines.idle_secs = 120;
    put(store, &used).await?;
    store.touch(&used.id, start + MINUTE).await?;
    used.touch(start + MINUTE);

    for at in [start, start + (2 * MINUTE - Duration::from_millis(1))] {
        let Swept { removed, .. } = store.sweep(at, 100).await?;
        ensure(removed == 0, format!("no sign-in had expired, and {removed} were removed"))?;
    }
    for record in [&young, &visitor, &ending, &used] {
        alive_as(store, record).await?;
    }
    Ok(())
}

/// Never more at a time than requested, so that a sweep does not delay other requests.
pub(super) async fn sweep_removes_at_most_the_given_number(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let mut over = Vec::new();
    for _ in 0..7 {
        over.push(expired(store, ADA).await?.id);
    }
    let before = left(store, &over).await?;
    let Swept { removed, .. } = store.sweep(now(), 0).await?;
    ensure(
        removed == 0 && left(store, &over).await? == before,
        "a sweep of at most 0 removes sign-ins",
    )?;
    sweep_all(store, &over, 3).await?;
    for id in &over {
        gone(store, id, ADA).await?;
    }
    Ok(())
}

/// The deadlines of a new authentication count, whether they are earlier or later.
pub(super) async fn sweep_follows_renewed_deadlines(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let start = now();
    let (_, shorter) = with_secret(store).await?;
    let mut rotation = reauthentication(&shorter, None)?;
    if let Some(new) = &mut rotation.reauthentication {
        new.deadlines = Deadlines { idle_secs: 0, ends_at: start.before(DAY) };
    }
    stored(store.rotate(&shorter.id, &shorter.current, rotation).await?)?;
    sweep_all(store, &[shorter.id], 100).await?;
    gone(store, &shorter.id, ADA).await?;

    let mut longer = draft(store, ADA, start)?;
    longer.deadlines = Deadlines { idle_secs: 0, ends_at: start + MINUTE };
    put(store, &longer).await?;
    let mut rotation = reauthentication(&longer, None)?;
    if let Some(new) = &mut rotation.reauthentication {
        new.deadlines = Deadlines { idle_secs: 0, ends_at: start + DAY };
    }
    let from = longer.current;
    rotation.clone().apply(&mut longer);
    stored(store.rotate(&longer.id, &from, rotation).await?)?;
    let Swept { removed, .. } = store.sweep(start + 2 * MINUTE, 100).await?;
    ensure(removed == 0, format!("no sign-in had expired, and {removed} were removed"))?;
    alive_as(store, &longer).await
}

/// Sweeps until the store reports that there are no more; then these sign-ins must be gone. Returns how
/// many the store reports removed.
async fn sweep_all(store: &dyn Store, over: &[SignInId], max: usize) -> Result<usize, Violation> {
    let mut collected = 0;
    for _ in 0..MAX_CALLS {
        let before = left(store, over).await?;
        let Swept { removed, more } = store.sweep(now(), max).await?;
        let after = left(store, over).await?;
        ensure(removed <= max, format!("a sweep of at most {max} reports {removed} removed"))?;
        ensure(
            before - after.min(before) <= removed,
            format!("a sweep reports {removed} of {before} removed, and {after} are left"),
        )?;
        collected += removed;
        if !more {
            ensure(after == 0, format!("a sweep reports no more expired, and {after} are left"))?;
            return Ok(collected);
        }
    }
    Err(Violation::new("a sweep always reports that more have expired"))
}

async fn left(store: &dyn Store, ids: &[SignInId]) -> Result<usize, Violation> {
    let mut left = 0;
    for id in ids {
        left += usize::from(store.load(id).await?.is_some());
    }
    Ok(left)
}
