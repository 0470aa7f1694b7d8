//! Rules for a store whose backend does not answer.
//!
//! They are separate from the other checks, because the caller has to take the backend down.

use std::fmt;

use super::assertions::{Seen, peek};
use super::fixtures::{ADA, KIND, data, draft, limit, now, principal, refresh, secret, visitor};
use super::report::{Outcome, Report, Violation, ensure};
use crate::error::{StoreError, StoreErrorKind};
use crate::secret::Secret;
use crate::store::{IntoStore, OverflowPolicy, Store};

/// Checks a store whose backend is down, because it was stopped, paused, or cut off.
///
/// Each operation must fail with [`Unavailable`](StoreErrorKind::Unavailable); none may report that
/// there is no such sign-in. The store may have been used before. If the backend hangs, the store
/// must time out: this function waits for every answer.
pub async fn check_failing(store: impl IntoStore) -> Report {
    let (store, mut report) = (store.into_store(), Report::default());
    match secret(&*store, Some(ADA)) {
        Err(violation) => report.add("a_failed_store_still_generates_ids", Err(violation)),
        Ok(secret) => {
            looks(&*store, &secret, &mut report).await;
            report.add("create_fails_with_its_store", creates(&*store).await);
            report.add("update_fails_with_its_store", updates(&*store, &secret).await);
            report.add("rotate_fails_with_its_store", rotates(&*store, &secret).await);
            report.add("update_subject_fails_with_its_store", updates_subject(&*store).await);
            ends(&*store, &secret, &mut report).await;
        }
    }
    report
}

async fn looks(store: &dyn Store, secret: &Secret, report: &mut Report) {
    let id = secret.id();
    report.add("peek_claims_nothing_without_a_backend", peeks(store, secret));
    report.add("load_fails_with_its_store", unavailable(store.load(&id).await));
    report.add("list_fails_with_its_store", unavailable(store.list(ADA).await));
    report.add("touch_fails_with_its_store", unavailable(store.touch(&id, now()).await));
}

fn peeks(store: &dyn Store, secret: &Secret) -> Outcome {
    let known = matches!(peek(store, &secret.id())?, Seen::Known(_));
    ensure(!known, "peek claims to know although the backend does not answer")
}

async fn creates(store: &dyn Store) -> Outcome {
    unavailable(store.create(visitor(store, now())?, None).await)?;
    unavailable(store.create(draft(store, ADA, now())?, store.bounds().lower(None)).await)?;
    for when_full in [OverflowPolicy::EvictOldest, OverflowPolicy::Reject] {
        let record = draft(store, ADA, now())?;
        unavailable(store.create(record, Some(limit(1, when_full))).await)?;
    }
    Ok(())
}

async fn updates(store: &dyn Store, secret: &Secret) -> Outcome {
    unavailable(store.update(&secret.id(), 0, data("cart", "[]")).await)
}

async fn rotates(store: &dyn Store, secret: &Secret) -> Outcome {
    let (_, rotation) = refresh(secret, None)?;
    unavailable(store.rotate(&secret.id(), &secret.digests(KIND).current, rotation).await)
}

async fn updates_subject(store: &dyn Store) -> Outcome {
    unavailable(store.update_subject(ADA, &principal("writer")?).await)?;
    let (from, to) = (principal("reader")?, principal("writer")?);
    unavailable(store.swap_principal(ADA, &from, &to).await)
}

async fn ends(store: &dyn Store, secret: &Secret, report: &mut Report) {
    let id = secret.id();
    report.add("delete_fails_with_its_store", unavailable(store.delete(&id).await));
    report.add(
        "delete_if_version_fails_with_its_store",
        unavailable(store.delete_if_version(&id, 0).await),
    );
    let idle = store.delete_if_idle(&id, now()).await;
    report.add("delete_if_idle_fails_with_its_store", unavailable(idle));
    report.add("revoke_fails_with_its_store", unavailable(store.revoke(ADA, &id).await));
    let others = store.revoke_others(ADA, &id).await;
    report.add("revoke_others_fails_with_its_store", unavailable(others));
    let subject = store.revoke_subject(ADA).await;
    report.add("revoke_subject_fails_with_its_store", unavailable(subject));
    report.add("sweep_fails_with_its_store", unavailable(store.sweep(now(), 10).await));
}

fn unavailable<T: fmt::Debug>(answer: Result<T, StoreError>) -> Outcome {
    match answer {
        Err(error) if error.kind() == StoreErrorKind::Unavailable => Ok(()),
        Err(error) => Err(Violation::new(format!("the error is of kind {:?}", error.kind()))),
        Ok(answer) => {
            Err(Violation::new(format!("the store returns {answer:?} without its backend")))
        }
    }
}
