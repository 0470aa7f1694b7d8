//! Rules for limits on the number of sign-ins of a subject.
//!
//! A limit is enforced in `create`, counts active sign-ins only, and evicts by the time of creation.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Timestamp;

use super::assertions::{alive, alive_as, gone, same, survivors};
use super::fixtures::{
    ADA, BOB, DAY, MINUTE, custom_kinds, draft, expired, limit, now, put, sign_in, sign_in_at,
    visitor,
};
use super::report::{Outcome, Violation, ensure};
use crate::record::Record;
use crate::secret::SecretKind;
use crate::store::{Created, OverflowPolicy, Store};

/// The sign-in that was created first is evicted. Those of other subjects do not count.
pub(super) async fn a_limit_evicts_the_oldest(store: &Arc<dyn Store>) -> Outcome {
    let start = now();
    let bob = sign_in_at(&**store, BOB, start.before(9 * MINUTE)).await?;
    let middle = sign_in_at(&**store, ADA, start.before(2 * MINUTE)).await?;
    let mut oldest = sign_in_at(&**store, ADA, start.before(3 * MINUTE)).await?;
    let young = sign_in_at(&**store, ADA, start.before(MINUTE)).await?;
    oldest.touch(start);
    store.touch(&oldest.id, start).await?;

    let new = draft(&**store, ADA, start)?;
    evicts(&**store, &new, 4, 0).await?;
    let newest = draft(&**store, ADA, start + MINUTE)?;
    evicts(&**store, &newest, 4, 1).await?;
    gone(&**store, &oldest.id, ADA).await?;
    for record in [&middle, &young, &new, &newest, &bob] {
        alive_as(&**store, record).await?;
    }
    Ok(())
}

/// It stays even if it was created before all others, of which the oldest is evicted.
pub(super) async fn a_limit_never_evicts_the_new_sign_in(store: &Arc<dyn Store>) -> Outcome {
    let start = now();
    let first = sign_in_at(&**store, ADA, start.before(2 * MINUTE)).await?;
    let second = sign_in_at(&**store, ADA, start.before(MINUTE)).await?;
    let new = draft(&**store, ADA, start.before(3 * MINUTE))?;
    evicts(&**store, &new, 2, 1).await?;
    gone(&**store, &first.id, ADA).await?;
    alive_as(&**store, &second).await?;
    alive_as(&**store, &new).await
}

/// Anonymous sign-ins have no subject, so a limit is ignored.
pub(super) async fn a_limit_does_not_apply_to_anonymous_sign_ins(
    store: &Arc<dyn Store>,
) -> Outcome {
    let mut visitors = Vec::new();
    for when_full in [OverflowPolicy::Reject, OverflowPolicy::EvictOldest] {
        for _ in 0..2 {
            let visitor = visitor(&**store, now())?;
            let created = store.create(visitor.clone(), Some(limit(1, when_full))).await?;
            ensure(
                created == Created::Stored { evicted: 0 },
                format!("with a limit, create of an anonymous sign-in returns {created:?}"),
            )?;
            visitors.push(visitor);
        }
    }
    for visitor in &visitors {
        same(visitor, &*alive(&**store, &visitor.id).await?)?;
    }
    Ok(())
}

/// Each custom kind counts by itself, and all kinds of devices count together. Sign-ins of kinds that do not
/// count are neither evicted nor a reason to refuse.
pub(super) async fn a_limit_counts_custom_kinds_apart(store: &Arc<dyn Store>) -> Outcome {
    let (start, [custom, other]) = (now(), custom_kinds());
    let mut minutes = 20;
    let mut of_kind = |kind| {
        minutes -= 1;
        let mut record = draft(&**store, ADA, start.before(minutes * MINUTE))?;
        record.kind = kind;
        Ok::<_, Violation>(record)
    };
    let mut others = Vec::new();
    for kind in [other, custom, custom, other] {
        let record = of_kind(kind)?;
        put(&**store, &record).await?;
        others.push(record);
    }
    let mut devices = Vec::new();
    for (kind, evicted) in
        [(SecretKind::Cookie, 0), (SecretKind::Bearer, 0), (SecretKind::Refresh, 1)]
    {
        let device = of_kind(kind)?;
        evicts(&**store, &device, 2, evicted).await?;
        devices.push(device);
    }
    gone(&**store, &devices.remove(0).id, ADA).await?;
    for record in others.iter().chain(&devices) {
        alive_as(&**store, record).await?;
    }
    let refused = of_kind(custom)?;
    let created = store.create(refused, Some(limit(2, OverflowPolicy::Reject))).await?;
    ensure(
        created == Created::LimitReached,
        format!("two sign-ins of a custom kind are active, and create returns {created:?}"),
    )?;
    others.push(of_kind(custom)?);
    evicts(&**store, &others[4], 2, 1).await?;
    gone(&**store, &others.remove(1).id, ADA).await?;
    for record in others.iter().chain(&devices) {
        alive_as(&**store, record).await?;
    }
    let ended = store.revoke_subject(ADA).await?;
    ensure(ended == 6, format!("of 6 sign-ins of several kinds, revoke_subject ends {ended}"))
}

/// A lowered limit applies from the next sign-in on.
pub(super) async fn a_lowered_limit_evicts_several(store: &Arc<dyn Store>) -> Outcome {
    let start = now();
    let mut records = Vec::new();
    for minutes in (1..=5).rev() {
        records.push(sign_in_at(&**store, ADA, start.before(minutes * MINUTE)).await?);
    }
    records.push(draft(&**store, ADA, start)?);
    evicts(&**store, &records[5], 2, 4).await?;
    for record in &records[..4] {
        gone(&**store, &record.id, ADA).await?;
    }
    alive_as(&**store, &records[4]).await?;
    alive_as(&**store, &records[5]).await?;

    records.push(draft(&**store, ADA, start + MINUTE)?);
    evicts(&**store, &records[6], 1, 2).await?;
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    let left = survivors(&**store, ADA, &ids).await?;
    ensure(left.len() == 1, format!("a limit of 1 leaves {}", left.len()))
}

/// A rejected sign-in leaves no trace, and the existing ones stay.
pub(super) async fn a_full_limit_refuses_and_changes_nothing(store: &Arc<dyn Store>) -> Outcome {
    let refuse = |max| Some(limit(max, OverflowPolicy::Reject));
    let (bob, first) = (sign_in(&**store, BOB).await?, sign_in(&**store, ADA).await?);
    let second = draft(&**store, ADA, now())?;
    let created = store.create(second.clone(), refuse(2)).await?;
    ensure(
        created == Created::Stored { evicted: 0 },
        format!("below the limit, create returns {created:?}"),
    )?;
    for max in [2, 1] {
        let third = draft(&**store, ADA, now())?;
        let created = store.create(third.clone(), refuse(max)).await?;
        ensure(
            created == Created::LimitReached,
            format!("at the limit, create returns {created:?}"),
        )?;
        gone(&**store, &third.id, ADA).await?;
        for record in [&first, &second, &bob] {
            alive_as(&**store, record).await?;
        }
    }
    store.delete(&first.id).await?;
    let third = draft(&**store, ADA, now())?;
    let created = store.create(third, refuse(2)).await?;
    ensure(
        created == Created::Stored { evicted: 0 },
        format!("after one sign-in ended, create returns {created:?}"),
    )
}

/// Only sign-ins that are active when the new one is created count, by the caller's clock.
pub(super) async fn expired_sign_ins_do_not_count_for_the_limit(store: &Arc<dyn Store>) -> Outcome {
    for when_full in [OverflowPolicy::Reject, OverflowPolicy::EvictOldest] {
        store.revoke_subject(ADA).await?;
        let start = now();
        expired(&**store, ADA).await?;
        let mut ends = lasting(&**store, start, 0, start + 2 * MINUTE).await?;
        let idle = lasting(&**store, start, 120, start + DAY).await?;
        let living = lasting(&**store, start.before(MINUTE), 0, start + DAY).await?;
        let mut used = lasting(&**store, start.before(MINUTE), 120, start + DAY).await?;
        for record in [&mut used, &mut ends] {
            store.touch(&record.id, start + MINUTE).await?;
            record.touch(start + MINUTE);
        }
        let new = draft(&**store, ADA, start + 2 * MINUTE)?;
        let created = store.create(new.clone(), Some(limit(3, when_full))).await?;
        ensure(
            matches!(created, Created::Stored { .. }),
            format!("expired sign-ins ({ends:?}, {idle:?}) count for the limit: {created:?}"),
        )?;
        for record in [&living, &used, &new] {
            alive_as(&**store, record).await?;
        }
    }
    Ok(())
}

/// A sign-in counts until it expires.
pub(super) async fn living_sign_ins_count_for_the_limit(store: &Arc<dyn Store>) -> Outcome {
    let start = now();
    lasting(&**store, start, 0, start + 2 * MINUTE).await?;
    lasting(&**store, start, 120, start + DAY).await?;
    let last = start + Duration::from_millis(119_999);
    let new = draft(&**store, ADA, last)?;
    let created = store.create(new, Some(limit(2, OverflowPolicy::Reject))).await?;
    ensure(
        created == Created::LimitReached,
        format!("two sign-ins are active, and create returns {created:?}"),
    )
}

async fn lasting(
    store: &dyn Store,
    at: Timestamp,
    idle_secs: u32,
    ends_at: Timestamp,
) -> Result<Record, Violation> {
    let mut record = draft(store, ADA, at)?;
    record.deadlines.idle_secs = idle_secs;
    record.deadlines.ends_at = ends_at;
    put(store, &record).await?;
    Ok(record)
}

async fn evicts(store: &dyn Store, new: &Record, max: u32, expected: usize) -> Outcome {
    let created = store.create(new.clone(), Some(limit(max, OverflowPolicy::EvictOldest))).await?;
    ensure(
        created == Created::Stored { evicted: expected },
        format!("a limit of {max} evicts {expected}, and create returns {created:?}"),
    )
}
