//! The sign-ins of one subject.

use std::sync::Arc;

use super::expect::{alive, alive_as, listed, same};
use super::fixtures::{ADA, BOB, MINUTE, anonymous, draft, limit, now, sign_in, sign_in_at};
use super::report::{Outcome, ensure};
use crate::store::{Created, OverflowPolicy, Store};

/// By the time they were created, in whatever order they arrived or were used.
pub(super) async fn list_is_oldest_first(store: &Arc<dyn Store>) -> Outcome {
    let start = now();
    let mut records = Vec::new();
    for minutes in [3, 1, 4, 2] {
        records.push(sign_in_at(&**store, ADA, start.before(minutes * MINUTE)).await?);
    }
    let oldest = records.iter().min_by_key(|record| record.created_at);
    if let Some(oldest) = oldest {
        store.touch(&oldest.sid, start).await?;
    }
    records.sort_by_key(|record| record.created_at);
    let expected: Vec<_> = records.iter().map(|record| record.sid).collect();
    let found = listed(&**store, ADA).await?;
    ensure(found == expected, format!("from the oldest it is {expected:?}, and listed {found:?}"))
}

/// Names that look alike, to a careless collation or key, are different subjects.
pub(super) async fn list_tells_subjects_apart(store: &Arc<dyn Store>) -> Outcome {
    let names = [
        "ada",
        "Ada",
        "ad",
        "ada ",
        " ada",
        "ada:1",
        "ada*",
        "ad%",
        "ad_",
        "{ada}",
        "\u{e1}da",
        "a\u{301}da",
        "ada\n",
        "1",
        "01",
    ];
    let mut records = Vec::new();
    for name in names {
        records.push(sign_in(&**store, name).await?);
    }
    for record in &records {
        let name = record.subject.as_deref().unwrap_or_default();
        let found = listed(&**store, name).await?;
        ensure(found == [record.sid], format!("{name:?} has one, and listed are {}", found.len()))?;
        alive_as(&**store, record).await?;
    }
    ensure(listed(&**store, "nobody").await?.is_empty(), "who never signed in has sign-ins")
}

/// Anonymous ones have no subject: they are in nobody's list, nobody's limit, and nobody's
/// revocation.
pub(super) async fn anonymous_sign_ins_are_nobodys(store: &Arc<dyn Store>) -> Outcome {
    let visitors = [anonymous(&**store).await?, anonymous(&**store).await?];
    for when_full in [OverflowPolicy::EvictOldest, OverflowPolicy::Reject] {
        let user = draft(&**store, BOB, now())?;
        let created = store.create(user, Some(limit(1, when_full))).await?;
        ensure(
            created == Created::Stored { evicted: 0 },
            format!("anonymous ones count for a limit: {created:?}"),
        )?;
        store.revoke_subject(BOB).await?;
    }
    for name in [ADA, ""] {
        ensure(listed(&**store, name).await?.is_empty(), "an anonymous one is listed")?;
        let ended = store.revoke_subject(name).await?;
        ensure(ended == 0, "an anonymous one is ended with a subject's")?;
        ensure(!store.revoke(name, &visitors[0].sid).await?, "an anonymous one is revoked")?;
        let amended = store.update_subject(name, b"{}").await?;
        ensure(amended == 0, "an anonymous one is amended with a subject's")?;
    }
    for visitor in &visitors {
        same(visitor, &*alive(&**store, &visitor.sid).await?)?;
    }
    Ok(())
}
