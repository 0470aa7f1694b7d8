//! Rules for a store that is full.
//!
//! They are separate from the other checks, because they need a store of known capacity.

use std::sync::Arc;

use super::assertions::{alive, same};
use super::fixtures::{ADA, anonymous, draft, limit, now, sign_in, visitor};
use super::report::{Outcome, Report, Violation, ensure};
use crate::error::StoreErrorKind;
use crate::record::Record;
use crate::store::{Created, IntoStore, OverflowPolicy, Store};

/// Checks a store with room for at most `max` sign-ins.
///
/// A full store must evict anonymous sign-ins first, and never a signed-in one. `fresh` creates an empty
/// store for each check. A store without a capacity of its own does not need these checks.
pub async fn check_capacity<S: IntoStore>(fresh: impl AsyncFn() -> S, max: usize) -> Report {
    let mut report = Report::default();
    let store = fresh().await.into_store();
    report.add(
        "anonymous_sign_ins_are_evicted_first",
        anonymous_are_evicted_first(&store, max).await,
    );
    let store = fresh().await.into_store();
    report.add(
        "a_full_store_evicts_no_signed_in_user",
        full_evicts_no_signed_in_user(&store, max).await,
    );
    let store = fresh().await.into_store();
    report.add("freed_capacity_is_reused", freed_capacity_is_reused(&store, max).await);
    let store = fresh().await.into_store();
    report.add("a_duplicate_id_evicts_no_sign_in", duplicate_evicts_none(&store, max).await);
    let store = fresh().await.into_store();
    report.add("a_rejected_sign_in_evicts_no_other", rejection_evicts_none(&store, max).await);
    let store = fresh().await.into_store();
    report.add("a_limit_precedes_the_capacity", limit_precedes_capacity(&store, max).await);
    report
}

async fn anonymous_are_evicted_first(store: &Arc<dyn Store>, max: usize) -> Outcome {
    let mut visitors = Vec::new();
    for _ in 0..=max {
        visitors.push(anonymous(&**store).await?.id);
    }
    let users = fill(&**store, max).await?;
    for visitor in visitors {
        let left = store.load(&visitor).await?.is_some();
        ensure(!left, "a user is rejected while anonymous sign-ins take the room")?;
    }
    all_there(&**store, &users).await
}

async fn full_evicts_no_signed_in_user(store: &Arc<dyn Store>, max: usize) -> Outcome {
    let users = fill(&**store, max).await?;
    for _ in 0..=max {
        let visitor = visitor(&**store, now())?;
        ensure(!accepts(&**store, visitor).await?, "a full store accepts an anonymous sign-in")?;
    }
    all_there(&**store, &users).await
}

async fn freed_capacity_is_reused(store: &Arc<dyn Store>, max: usize) -> Outcome {
    let users = fill(&**store, max).await?.len();
    store.revoke_subject(ADA).await?;
    let again = fill(&**store, max).await?.len();
    ensure(users == again, format!("there was room for {users} sign-ins, and later for {again}"))
}

/// A sign-in that is refused because its id is in use changes nothing, however full the store is.
async fn duplicate_evicts_none(store: &Arc<dyn Store>, max: usize) -> Outcome {
    let visitors = visitors(&**store, max).await?;
    for visitor in &visitors {
        let created = store.create(visitor.clone(), None).await;
        ensure(created.is_err(), "a full store replaces an anonymous sign-in")?;
    }
    all_there(&**store, &visitors).await
}

/// A sign-in that is rejected because of the subject's limit changes nothing either.
async fn rejection_evicts_none(store: &Arc<dyn Store>, max: usize) -> Outcome {
    let user = sign_in(&**store, ADA).await?;
    let visitors = visitors(&**store, max).await?;
    let second = draft(&**store, ADA, now())?;
    let created = store.create(second, Some(limit(1, OverflowPolicy::Reject))).await?;
    ensure(created == Created::LimitReached, format!("at the limit, create returns {created:?}"))?;
    all_there(&**store, &visitors).await?;
    all_there(&**store, &[user]).await
}

/// A subject at its limit is refused for it, or its oldest sign-in makes room, although the store is full.
async fn limit_precedes_capacity(store: &Arc<dyn Store>, max: usize) -> Outcome {
    let users = fill(&**store, max).await?;
    let count = u32::try_from(users.len()).unwrap_or(u32::MAX);
    let new = draft(&**store, ADA, now())?;
    let refused = store.create(new, Some(limit(count, OverflowPolicy::Reject))).await?;
    ensure(refused == Created::LimitReached, format!("at the limit, create returns {refused:?}"))?;
    all_there(&**store, &users).await?;
    let new = draft(&**store, ADA, now())?;
    let evict = limit(count, OverflowPolicy::EvictOldest);
    let created = store.create(new.clone(), Some(evict)).await?;
    ensure(
        created == Created::Stored { evicted: 1 },
        format!("with an eviction, create in a full store returns {created:?}"),
    )?;
    all_there(&**store, &[new]).await
}

/// Creates anonymous sign-ins until there is no room, and returns those that are left.
async fn visitors(store: &dyn Store, max: usize) -> Result<Vec<Record>, Violation> {
    let mut visitors = Vec::new();
    for _ in 0..=max {
        visitors.push(anonymous(store).await?);
    }
    let mut there = Vec::new();
    for visitor in visitors {
        if store.load(&visitor.id).await?.is_some() {
            there.push(visitor);
        }
    }
    Ok(there)
}

/// Signs in until the store is full.
async fn fill(store: &dyn Store, max: usize) -> Result<Vec<Record>, Violation> {
    let mut users = Vec::new();
    for _ in 0..=max {
        let record = draft(store, ADA, now())?;
        if !accepts(store, record.clone()).await? {
            ensure(!users.is_empty(), "an empty store has no room")?;
            return Ok(users);
        }
        users.push(record);
    }
    Err(Violation::new(format!("a store for {max} sign-ins accepted one more")))
}

/// Returns whether the store had room for it.
async fn accepts(store: &dyn Store, record: Record) -> Result<bool, Violation> {
    match store.create(record, store.bounds().lower(None)).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == StoreErrorKind::Unavailable => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn all_there(store: &dyn Store, users: &[Record]) -> Outcome {
    for user in users {
        same(user, &*alive(store, &user.id).await?)?;
    }
    Ok(())
}
