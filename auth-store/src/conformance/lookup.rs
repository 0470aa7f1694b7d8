//! Rules for looking sign-ins up: `load`, `peek` and `list`.
//!
//! What `peek` claims to know must agree with `load`, and no look-up may confuse ids or subjects.

use std::sync::Arc;

use auth_core::SignInId;

use super::assertions::{Seen, alive, alive_as, gone, listed, peek, same, stored};
use super::fixtures::{
    ADA, BOB, MINUTE, anonymous, data, draft, limit, now, principal, refresh, sign_in, sign_in_at,
    unknown, with_secret,
};
use super::report::{Outcome, Violation, ensure};
use crate::store::{Created, OverflowPolicy, Store};

/// A missing sign-in is not an error.
pub(super) async fn load_of_an_unknown_id_is_none(store: &Arc<dyn Store>) -> Outcome {
    let id = unknown(&**store)?;
    gone(&**store, &id, ADA).await?;
    sign_in(&**store, ADA).await?;
    gone(&**store, &id, ADA).await
}

/// An id that differs in a single bit finds nothing.
pub(super) async fn load_compares_the_whole_id(store: &Arc<dyn Store>) -> Outcome {
    let record = sign_in(&**store, ADA).await?;
    for byte in 0..16 {
        let mut bytes = *record.id.as_bytes();
        bytes[byte] ^= 0x20;
        gone(&**store, &SignInId::from_bytes(bytes), ADA).await?;
    }
    alive_as(&**store, &record).await
}

/// After each kind of change, an authoritative answer of `peek` equals that of `load`.
pub(super) async fn peek_agrees_with_load(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let (secret, record) = with_secret(store).await?;
    let id = record.id;
    agrees(store, &id).await?;
    stored(store.update(&id, 0, data("cart", "[]")).await?)?;
    agrees(store, &id).await?;
    let (_, rotation) = refresh(&secret, Some(now() + MINUTE))?;
    stored(store.rotate(&id, &record.current, rotation).await?)?;
    agrees(store, &id).await?;
    store.touch(&id, now() + MINUTE).await?;
    agrees(store, &id).await?;
    store.update_subject(ADA, &principal("writer")?).await?;
    agrees(store, &id).await?;
    store.delete(&id).await?;
    agrees(store, &id).await
}

/// After each kind of end, `peek` does not return the sign-in as authoritative.
pub(super) async fn peek_reflects_every_end(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let [first, second, third, kept] = [
        sign_in(store, ADA).await?.id,
        sign_in(store, ADA).await?.id,
        sign_in(store, ADA).await?.id,
        sign_in(store, ADA).await?.id,
    ];
    let visitor = anonymous(store).await?.id;
    for id in [&first, &second, &third, &kept, &visitor] {
        agrees(store, id).await?;
    }
    store.delete_if_version(&first, 0).await?;
    agrees(store, &first).await?;
    store.revoke(ADA, &second).await?;
    agrees(store, &second).await?;
    store.revoke_others(ADA, &kept).await?;
    agrees(store, &third).await?;
    store.revoke_subject(ADA).await?;
    agrees(store, &kept).await?;
    store.delete_if_idle(&visitor, now() + MINUTE).await?;
    agrees(store, &visitor).await
}

/// `peek` calls back exactly once, whether or not there is a sign-in.
pub(super) async fn peek_calls_back_once(store: &Arc<dyn Store>) -> Outcome {
    let (record, ended) = (sign_in(&**store, ADA).await?, sign_in(&**store, ADA).await?);
    alive_as(&**store, &record).await?;
    store.delete(&ended.id).await?;
    for id in [record.id, ended.id, unknown(&**store)?] {
        for _ in 0..2 {
            peek(&**store, &id)?;
        }
    }
    Ok(())
}

async fn agrees(store: &dyn Store, id: &SignInId) -> Outcome {
    let loaded = store.load(id).await?;
    match (peek(store, id)?, &loaded) {
        (Seen::Ask, _) | (Seen::Known(None), None) => Ok(()),
        (Seen::Known(Some(known)), Some(loaded)) => same(loaded, &known),
        (Seen::Known(known), _) => Err(Violation::new(format!(
            "peek returns {known:?} as authoritative, and load returns {loaded:?}"
        ))),
        (Seen::Copy(copy), loaded) => {
            let newest = loaded.as_ref().map_or(u64::MAX, |loaded| loaded.version);
            ensure(
                copy.id == *id && copy.version <= newest,
                format!("peek shows {copy:?}, which this id never had"),
            )
        }
    }
}

/// Returns the ids that `list` and `list_each` return.
async fn listed_alike(store: &dyn Store, subject: &str) -> Result<Vec<SignInId>, Violation> {
    let found = listed(store, subject).await?;
    let each = store.list_each(subject).await?.into_iter();
    let each = each.map(|record| Ok(record?.id)).collect::<Result<Vec<_>, Violation>>()?;
    ensure(each == found, format!("list returns {found:?}, and list_each {each:?}"))?;
    Ok(found)
}

/// The order is that of `created_at`, in whatever order sign-ins were stored or used.
pub(super) async fn list_is_oldest_first(store: &Arc<dyn Store>) -> Outcome {
    let start = now();
    let mut records = Vec::new();
    for minutes in [3, 1, 4, 2] {
        records.push(sign_in_at(&**store, ADA, start.before(minutes * MINUTE)).await?);
    }
    let oldest = records.iter().min_by_key(|record| record.created_at);
    if let Some(oldest) = oldest {
        store.touch(&oldest.id, start).await?;
    }
    records.sort_by_key(|record| record.created_at);
    let expected: Vec<_> = records.iter().map(|record| record.id).collect();
    let found = listed_alike(&**store, ADA).await?;
    ensure(
        found == expected,
        format!("expected {expected:?}, oldest first, and the list is {found:?}"),
    )
}

/// Subjects that a careless collation, key or query would confuse.
const CONFUSABLE: [&str; 29] = [
    "ada",
    "Ada",
    "ADA",
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
    "ad\u{430}",
    "ada\u{200b}",
    "ada\n",
    "ada\0",
    "\0",
    "",
    "1",
    "01",
    "stra\u{df}e",
    "strasse",
    "\\",
    "%",
    "_",
    "$1",
    "?",
    "'; DROP TABLE auth_sign_ins; --",
];

/// Subjects that differ in any byte are different subjects, for limits, lists, updates and revocations.
pub(super) async fn list_distinguishes_subjects(store: &Arc<dyn Store>) -> Outcome {
    let mut records = Vec::new();
    for name in CONFUSABLE {
        let record = draft(&**store, name, now())?;
        let created = store.create(record.clone(), Some(limit(1, OverflowPolicy::Reject))).await?;
        ensure(
            created == Created::Stored { evicted: 0 },
            format!("the first sign-in of {name:?} is {created:?}"),
        )?;
        records.push((name, record));
    }
    for (name, record) in &records {
        let found = listed_alike(&**store, name).await?;
        ensure(
            found == [record.id],
            format!("{name:?} has one sign-in, and the list has {}", found.len()),
        )?;
        alive_as(&**store, record).await?;
    }
    for (name, record) in &records {
        let updated = store.update_subject(name, &record.principal).await?;
        let ended = store.revoke_subject(name).await?;
        ensure(
            (updated, ended) == (1, 1),
            format!("{name:?} has one sign-in: {updated} are updated, and {ended} end"),
        )?;
        gone(&**store, &record.id, name).await?;
    }
    ensure(
        listed(&**store, "unknown").await?.is_empty(),
        "a subject that never signed in has sign-ins",
    )
}

/// Anonymous sign-ins are in no subject's list, count for no limit, and end with no subject.
pub(super) async fn anonymous_sign_ins_belong_to_no_subject(store: &Arc<dyn Store>) -> Outcome {
    let visitors = [anonymous(&**store).await?, anonymous(&**store).await?];
    for when_full in [OverflowPolicy::EvictOldest, OverflowPolicy::Reject] {
        let user = draft(&**store, BOB, now())?;
        let created = store.create(user, Some(limit(1, when_full))).await?;
        ensure(
            created == Created::Stored { evicted: 0 },
            format!("anonymous sign-ins count for a limit: {created:?}"),
        )?;
        store.revoke_subject(BOB).await?;
    }
    for name in [ADA, ""] {
        ensure(listed(&**store, name).await?.is_empty(), "an anonymous sign-in is listed")?;
        let ended = store.revoke_subject(name).await?;
        ensure(ended == 0, "an anonymous sign-in ends with those of a subject")?;
        ensure(!store.revoke(name, &visitors[0].id).await?, "an anonymous sign-in is revoked")?;
        let updated = store.update_subject(name, b"{}").await?;
        ensure(updated == 0, "an anonymous sign-in is updated with those of a subject")?;
    }
    for visitor in &visitors {
        same(visitor, &*alive(&**store, &visitor.id).await?)?;
    }
    Ok(())
}
