//! What has expired is collected.
//!
//! A backend may collect by itself, so that `sweep` finds nothing: the checks demand that what has
//! long expired is gone afterwards, whoever took it.

use std::sync::Arc;
use std::time::Duration;

use auth_core::SignInId;

use super::expect::{alive_as, gone};
use super::fixtures::{ADA, DAY, MINUTE, anonymous, draft, expired, now, put, sign_in, visitor};
use super::report::{Outcome, Violation, ensure};
use crate::lifetime::Deadlines;
use crate::store::Store;

/// How many calls a store may take to look through a few sign-ins.
const PATIENCE: usize = 1000;

/// Absolute and idle limits, and anonymous ones too; the subject's list forgets them.
pub(super) async fn sweep_collects_what_has_expired(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let mut over = vec![expired(store, ADA).await?.sid, expired(store, ADA).await?.sid];
    let mut idle = draft(store, ADA, now().before(DAY))?;
    idle.limits.ends_at = now() + DAY;
    put(store, &idle).await?;
    over.push(idle.sid);
    let mut visitor = visitor(store, now().before(3 * DAY))?;
    visitor.limits.ends_at = now().before(DAY);
    put(store, &visitor).await?;
    over.push(visitor.sid);

    let living = sign_in(store, ADA).await?;
    let collected = sweep_all(store, &over, 100).await?;
    ensure(collected <= 4, format!("4 had expired, and {collected} were collected"))?;
    for sid in &over {
        gone(store, sid, ADA).await?;
    }
    alive_as(store, &living).await
}

/// Nothing that still lives at the given moment, however the idle time was prolonged.
pub(super) async fn sweep_never_takes_a_living_sign_in(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let start = now();
    let young = sign_in(store, ADA).await?;
    let visitor = anonymous(store).await?;
    let mut ending = draft(store, ADA, start)?;
    ending.limits = Deadlines { idle_secs: 0, ends_at: start + 2 * MINUTE };
    put(store, &ending).await?;
    let mut used = draft(store, ADA, start.before(MINUTE))?;
    used.limits.idle_secs = 120;
    put(store, &used).await?;
    store.touch(&used.sid, start + MINUTE).await?;
    used.touch(start + MINUTE);

    for at in [start, start + (2 * MINUTE - Duration::from_millis(1))] {
        let collected = store.sweep(at, 100).await?;
        ensure(collected == 0, format!("none had expired, and {collected} were collected"))?;
    }
    for record in [&young, &visitor, &ending, &used] {
        alive_as(store, record).await?;
    }
    Ok(())
}

/// Never more at a time than asked for, so that it holds nobody up.
pub(super) async fn sweep_takes_at_most_so_many(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let mut over = Vec::new();
    for _ in 0..7 {
        over.push(expired(store, ADA).await?.sid);
    }
    let before = left(store, &over).await?;
    let none = store.sweep(now(), 0).await?;
    ensure(none == 0 && left(store, &over).await? == before, "a sweep of at most 0 collects")?;
    sweep_all(store, &over, 3).await?;
    for sid in &over {
        gone(store, sid, ADA).await?;
    }
    Ok(())
}

/// Sweeps until these are gone, and says how many the store says it took.
async fn sweep_all(store: &dyn Store, over: &[SignInId], most: usize) -> Result<usize, Violation> {
    let mut collected = 0;
    for _ in 0..PATIENCE {
        let before = left(store, over).await?;
        let taken = store.sweep(now(), most).await?;
        let after = left(store, over).await?;
        ensure(taken <= most, format!("a sweep of at most {most} says it took {taken}"))?;
        ensure(
            before - after.min(before) <= taken,
            format!("of {before} it took {taken}, and left {after}"),
        )?;
        collected += taken;
        if after == 0 && taken == 0 {
            return Ok(collected);
        }
    }
    Err(Violation::new("what has expired is never collected"))
}

async fn left(store: &dyn Store, sids: &[SignInId]) -> Result<usize, Violation> {
    let mut left = 0;
    for sid in sids {
        left += usize::from(store.load(sid).await?.is_some());
    }
    Ok(left)
}
