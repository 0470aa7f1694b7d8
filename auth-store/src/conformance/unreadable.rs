//! Rules for records that cannot be decoded, because they are damaged or of a later release.
//!
//! They are separate from the other checks, because the caller has to damage a record.

use std::fmt;

use auth_core::SignInId;

use super::assertions::{alive, alive_as, gone, same};
use super::fixtures::{ADA, BOB, draft, limit, now, sign_in};
use super::report::{Outcome, Report, Violation, ensure};
use crate::error::{StoreError, StoreErrorKind};
use crate::store::{Created, IntoStore, OverflowPolicy, Store};

/// Checks that a sign-in whose record cannot be decoded can be ended.
///
/// `damage` changes the stored record of a sign-in so that it can no longer be decoded. The store must
/// report it as [`Invalid`](StoreErrorKind::Invalid), and not as missing. Otherwise, the user would have a
/// sign-in that no list shows and no revocation ends.
pub async fn check_unreadable(store: impl IntoStore, damage: impl AsyncFn(&SignInId)) -> Report {
    let (store, mut report) = (store.into_store(), Report::default());
    let store = &*store;
    report.add("an_unreadable_sign_in_is_an_error", is_an_error(store, &damage).await);
    report.add("an_unreadable_sign_in_can_be_deleted", can_be_deleted(store, &damage).await);
    report.add("an_unreadable_sign_in_can_be_revoked", can_be_revoked(store, &damage).await);
    report.add(
        "an_unreadable_sign_in_ends_with_the_others",
        ends_with_the_others(store, &damage).await,
    );
    report.add(
        "an_unreadable_sign_in_ends_with_its_subject",
        ends_with_its_subject(store, &damage).await,
    );
    report.add("an_unreadable_sign_in_hides_no_other", hides_no_other(store, &damage).await);
    report.add("an_unreadable_sign_in_blocks_no_other", blocks_no_other(store, &damage).await);
    report
}

async fn damaged(
    store: &dyn Store,
    damage: &impl AsyncFn(&SignInId),
) -> Result<SignInId, Violation> {
    let id = sign_in(store, ADA).await?.id;
    damage(&id).await;
    Ok(id)
}

async fn is_an_error(store: &dyn Store, damage: &impl AsyncFn(&SignInId)) -> Outcome {
    let (bob, id) = (sign_in(store, BOB).await?, damaged(store, damage).await?);
    invalid(store.load(&id).await)?;
    invalid(store.list(ADA).await)?;
    alive_as(store, &bob).await?;
    store.revoke_subject(BOB).await?;
    ensure(store.delete(&id).await?, "an unreadable sign-in is reported as missing")
}

async fn can_be_deleted(store: &dyn Store, damage: &impl AsyncFn(&SignInId)) -> Outcome {
    let id = damaged(store, damage).await?;
    ensure(store.delete(&id).await?, "delete of an unreadable sign-in reports that there is none")?;
    gone(store, &id, ADA).await
}

async fn can_be_revoked(store: &dyn Store, damage: &impl AsyncFn(&SignInId)) -> Outcome {
    let id = damaged(store, damage).await?;
    ensure(!store.revoke(BOB, &id).await?, "an unreadable sign-in of another subject is revoked")?;
    let revoked = store.revoke(ADA, &id).await?;
    ensure(revoked, "revoke of an unreadable sign-in reports that there is none")?;
    gone(store, &id, ADA).await
}

async fn ends_with_the_others(store: &dyn Store, damage: &impl AsyncFn(&SignInId)) -> Outcome {
    let (kept, id) = (sign_in(store, ADA).await?, damaged(store, damage).await?);
    let ended = store.revoke_others(ADA, &kept.id).await?;
    ensure(ended == 1, format!("one other sign-in is there, and {ended} ended"))?;
    gone(store, &id, ADA).await?;
    alive_as(store, &kept).await?;
    store.revoke_subject(ADA).await?;
    Ok(())
}

async fn ends_with_its_subject(store: &dyn Store, damage: &impl AsyncFn(&SignInId)) -> Outcome {
    let (readable, id) = (sign_in(store, ADA).await?, damaged(store, damage).await?);
    let ended = store.revoke_subject(ADA).await?;
    ensure(ended == 2, format!("two sign-ins are there, and {ended} ended"))?;
    gone(store, &id, ADA).await?;
    gone(store, &readable.id, ADA).await
}

async fn hides_no_other(store: &dyn Store, damage: &impl AsyncFn(&SignInId)) -> Outcome {
    let first = sign_in(store, ADA).await?;
    damaged(store, damage).await?;
    let last = sign_in(store, ADA).await?;
    let listed = store.list_each(ADA).await?;
    let (readable, unreadable): (Vec<_>, Vec<_>) = listed.into_iter().partition(Result::is_ok);
    let found: Vec<_> = readable.into_iter().flatten().map(|record| record.id).collect();
    let all = found.contains(&first.id) && found.contains(&last.id) && found.len() == 2;
    ensure(all, format!("list_each beside an unreadable sign-in returns {found:?}"))?;
    let count = unreadable.len();
    ensure(count == 1, format!("list_each reports {count} errors for one unreadable sign-in"))?;
    unreadable.into_iter().try_for_each(invalid)?;
    store.revoke_subject(ADA).await?;
    Ok(())
}

async fn blocks_no_other(store: &dyn Store, damage: &impl AsyncFn(&SignInId)) -> Outcome {
    damaged(store, damage).await?;
    let (next, evict) = (draft(store, ADA, now())?, limit(2, OverflowPolicy::EvictOldest));
    let created = store.create(next.clone(), Some(evict)).await?;
    ensure(
        matches!(created, Created::Stored { .. }),
        format!("create beside an unreadable sign-in, with a limit of 2, returns {created:?}"),
    )?;
    same(&next, &*alive(store, &next.id).await?)?;
    store.revoke_subject(ADA).await?;
    gone(store, &next.id, ADA).await
}

fn invalid<T: fmt::Debug>(answer: Result<T, StoreError>) -> Outcome {
    match answer {
        Err(error) if error.kind() == StoreErrorKind::Invalid => Ok(()),
        other => Err(Violation::new(format!("for an unreadable sign-in, the answer is {other:?}"))),
    }
}
