//! Rules for what a store can keep: sizes and numbers, up to its bounds and beyond.
//!
//! A store without a bound keeps at least the sizes of these checks.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::assertions::{alive_as, gone, listed};
use super::changes::reauthentication;
use super::fixtures::{ADA, draft, limit, now, principal, put, sign_in, with_secret};
use super::report::{Outcome, Violation, ensure};
use crate::error::{Bound, StoreError};
use crate::record::encode;
use crate::store::{OverflowPolicy, Store};

/// The longest subject of these checks.
const SUBJECT: usize = 4096;
/// The longest roles and claims.
const PRINCIPAL: usize = 64 * 1024;
/// The largest number of sign-ins of one subject.
const SIGN_INS: u32 = 150;

/// Subjects are kept to their last byte, and distinguished by it. Those beyond the bound are refused.
pub(super) async fn long_subjects_are_kept_or_refused(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let (_, bound, _) = store.bounds().set();
    let mut records = Vec::new();
    for length in BTreeSet::from([64, 65, 255, bound.unwrap_or(SUBJECT).min(SUBJECT)]) {
        for last in ["a", "b"] {
            let subject = "s".repeat(length - 1) + last;
            records.push(sign_in(store, &subject).await?);
        }
    }
    for record in &records {
        let subject = record.subject.as_deref().unwrap_or_default();
        alive_as(store, record).await?;
        ensure(
            listed(store, subject).await? == [record.id],
            format!("a subject of {} bytes is taken for another one", subject.len()),
        )?;
    }
    let Some(most) = bound else { return Ok(()) };
    let subject = "s".repeat(most + 1);
    let record = draft(store, &subject, now())?;
    let answer = store.create(record.clone(), store.bounds().lower(None)).await;
    refused(answer, Bound::SubjectBytes(most))?;
    gone(store, &record.id, &subject).await?;
    let ended = store.revoke_subject(&subject).await?;
    ensure(ended == 0, format!("a subject that cannot sign in has {ended} sign-ins"))
}

/// Roles and claims are kept as a whole, whatever stores them. Those beyond the bound are refused, and
/// change nothing.
pub(super) async fn long_claims_are_kept_or_refused(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let (_, _, bound) = store.bounds().set();
    let longest = claims(bound.unwrap_or(PRINCIPAL).min(PRINCIPAL))?;
    let mut record = draft(store, ADA, now())?;
    record.set_principal(longest.clone());
    put(store, &record).await?;
    alive_as(store, &record).await?;
    let (_, mut other) = with_secret(store).await?;
    store.update_subject(ADA, &longest).await?;
    record.version += 1;
    other = other.amended(longest);
    alive_as(store, &record).await?;
    alive_as(store, &other).await?;

    let Some(most) = bound else { return Ok(()) };
    let (too_long, bound) = (claims(most + 1)?, Bound::PrincipalBytes(most));
    let mut new = draft(store, ADA, now())?;
    new.set_principal(too_long.clone());
    refused(store.create(new.clone(), store.bounds().lower(None)).await, bound)?;
    gone(store, &new.id, ADA).await?;
    refused(store.update_subject(ADA, &too_long).await, bound)?;
    refused(store.swap_principal(ADA, record.principal(), &too_long).await, bound)?;
    let mut rotation = reauthentication(&other, None)?;
    if let Some(reauthentication) = &mut rotation.reauthentication {
        reauthentication.principal = Some(too_long);
    }
    refused(store.rotate(&other.id, &other.current, rotation).await, bound)?;
    alive_as(store, &record).await?;
    alive_as(store, &other).await
}

/// Returns encoded claims of this length.
fn claims(bytes: usize) -> Result<Box<[u8]>, Violation> {
    let encoded = |text: &str| {
        encode(&[], &text).map_err(|_| Violation::new("the suite's own claims do not serialize"))
    };
    encoded(&"c".repeat(bytes - encoded("")?.len()))
}

/// Steps on a subject reach all of its sign-ins, up to the bound. A higher limit is refused, and none.
pub(super) async fn many_sign_ins_are_kept_or_refused(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let (bound, _, _) = store.bounds().set();
    let most = bound.map_or(SIGN_INS, |most| most.get().min(SIGN_INS));
    let mut records = Vec::new();
    for _ in 0..most {
        records.push(sign_in(store, ADA).await?);
    }
    let found = listed(store, ADA).await?.len();
    ensure(
        found == records.len(),
        format!("{most} sign-ins were created, and {found} are listed"),
    )?;
    let updated = store.update_subject(ADA, &principal("writer")?).await?;
    ensure(updated == found, format!("of {found} sign-ins, {updated} were updated"))?;
    for record in &mut records {
        *record = record.amended(principal("writer")?);
        alive_as(store, record).await?;
    }
    if let Some(most) = bound {
        for limit in [None, Some(limit(most.get() + 1, OverflowPolicy::EvictOldest))] {
            let new = draft(store, ADA, now())?;
            refused(store.create(new.clone(), limit).await, Bound::SignIns(most))?;
            ensure(store.load(&new.id).await?.is_none(), "a refused sign-in is loaded")?;
        }
        ensure(listed(store, ADA).await?.len() == found, "a refused sign-in evicts another one")?;
    }
    let ended = store.revoke_subject(ADA).await?;
    ensure(ended == found, format!("of {found} sign-ins, {ended} ended"))?;
    ensure(listed(store, ADA).await?.is_empty(), "a revoked sign-in is listed")
}

fn refused<T: fmt::Debug>(answer: Result<T, StoreError>, bound: Bound) -> Outcome {
    match answer {
        Err(error) if error.bound() == Some(bound) => Ok(()),
        other => Err(Violation::new(format!("beyond {bound:?}, the answer is {other:?}"))),
    }
}
