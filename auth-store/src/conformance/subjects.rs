//! Rules for ending or changing the sign-ins of a subject.
//!
//! These operations are complete, count what they did, and leave other subjects alone.

use std::sync::Arc;

use auth_core::Identity;

use super::assertions::{alive, alive_as, gone, listed};
use super::fixtures::{ADA, BOB, principal, sign_in, unknown};
use super::report::{Outcome, Violation, ensure};
use crate::store::Store;

/// Returns `true` once and `false` afterwards. Other sign-ins stay.
pub(super) async fn revoke_ends_one_sign_in(store: &Arc<dyn Store>) -> Outcome {
    let (ended, neighbour) = (sign_in(&**store, ADA).await?, sign_in(&**store, ADA).await?);
    ensure(
        store.revoke(ADA, &ended.id).await?,
        "revoke of an existing sign-in reports that there is none",
    )?;
    gone(&**store, &ended.id, ADA).await?;
    for id in [ended.id, unknown(&**store)?] {
        ensure(
            !store.revoke(ADA, &id).await?,
            "revoke of a missing sign-in reports that there was one",
        )?;
    }
    alive_as(&**store, &neighbour).await
}

/// A subject cannot end the sign-ins of another one.
pub(super) async fn sec_19_revoke_spares_another_subjects(store: &Arc<dyn Store>) -> Outcome {
    let (ada, bob) = (sign_in(&**store, ADA).await?, sign_in(&**store, BOB).await?);
    for subject in [ADA, "unknown", ""] {
        let revoked = store.revoke(subject, &bob.id).await?;
        ensure(!revoked, "a sign-in of another subject is revoked")?;
    }
    alive_as(&**store, &bob).await?;
    alive_as(&**store, &ada).await
}

/// All end except this one. If it is another subject's, all end.
pub(super) async fn sec_16_revoke_others_spares_only_this_one(store: &Arc<dyn Store>) -> Outcome {
    let bob = sign_in(&**store, BOB).await?;
    let mut ended = vec![sign_in(&**store, ADA).await?];
    let kept = sign_in(&**store, ADA).await?;
    ended.push(sign_in(&**store, ADA).await?);
    for expected in [2, 0] {
        let count = store.revoke_others(ADA, &kept.id).await?;
        ensure(count == expected, format!("{expected} others existed, and {count} ended"))?;
        alive_as(&**store, &kept).await?;
        for record in &ended {
            gone(&**store, &record.id, ADA).await?;
        }
    }
    let count = store.revoke_others(ADA, &bob.id).await?;
    ensure(
        count == 1,
        format!("with a kept sign-in of another subject, {count} ended instead of 1"),
    )?;
    gone(&**store, &kept.id, ADA).await?;
    alive_as(&**store, &bob).await
}

/// All of this subject's sign-ins end, and no others. The subject can sign in again.
pub(super) async fn sec_17_revoke_subject_ends_all_sign_ins(store: &Arc<dyn Store>) -> Outcome {
    let bob = sign_in(&**store, BOB).await?;
    let mut ended = Vec::new();
    for _ in 0..3 {
        ended.push(sign_in(&**store, ADA).await?);
    }
    for expected in [3, 0] {
        let count = store.revoke_subject(ADA).await?;
        ensure(count == expected, format!("{expected} sign-ins existed, and {count} ended"))?;
        for record in &ended {
            gone(&**store, &record.id, ADA).await?;
        }
    }
    alive_as(&**store, &bob).await?;
    let again = sign_in(&**store, ADA).await?;
    alive_as(&**store, &again).await?;
    ensure(listed(&**store, ADA).await? == [again.id], "a revoked sign-in is listed again")
}

/// Roles and claims change in all sign-ins. Everything else stays, including how each was
/// authenticated.
pub(super) async fn update_subject_changes_roles_and_nothing_else(
    store: &Arc<dyn Store>,
) -> Outcome {
    let bob = sign_in(&**store, BOB).await?;
    let mut records = vec![sign_in(&**store, ADA).await?, sign_in(&**store, ADA).await?];
    for role in ["writer", "administrator"] {
        let count = store.update_subject(ADA, &principal(role)?).await?;
        ensure(count == 2, format!("2 sign-ins existed, and {count} were updated"))?;
        for record in &mut records {
            record.set_principal(principal(role)?);
            record.version += 1;
            alive_as(&**store, record).await?;
        }
    }
    alive_as(&**store, &bob).await
}

/// A removed role is gone, also if the identity was decoded before.
pub(super) async fn sec_88_update_subject_takes_effect_at_once(store: &Arc<dyn Store>) -> Outcome {
    let id = sign_in(&**store, ADA).await?.id;
    for role in ["reader", "writer"] {
        store.update_subject(ADA, &principal(role)?).await?;
        let record = alive(&**store, &id).await?;
        let identity = record.identity::<String>();
        let identity = identity.map_err(|error| Violation::new(format!("no identity: {error}")))?;
        let found: Vec<_> = identity.iter().flat_map(Identity::roles).collect();
        ensure(found == [role], format!("the role is {role}, and the identity has {found:?}"))?;
    }
    Ok(())
}

/// If there is nothing to change, nothing is created.
pub(super) async fn update_subject_never_creates(store: &Arc<dyn Store>) -> Outcome {
    let ended = sign_in(&**store, ADA).await?;
    store.delete(&ended.id).await?;
    for subject in [ADA, "unknown"] {
        let count = store.update_subject(subject, &principal("writer")?).await?;
        ensure(count == 0, format!("no sign-in existed, and {count} were updated"))?;
        gone(&**store, &ended.id, subject).await?;
        ensure(listed(&**store, subject).await?.is_empty(), "a sign-in was created")?;
    }
    Ok(())
}

/// Only sign-ins with exactly the expected roles and claims change, so that no change is undone.
pub(super) async fn sec_88_swap_principal_compares_what_it_replaces(
    store: &Arc<dyn Store>,
) -> Outcome {
    let [bob, other] = [sign_in(&**store, BOB).await?, sign_in(&**store, ADA).await?];
    let from = other.principal().to_vec();
    store.update_subject(ADA, &principal("administrator")?).await?;
    let (mut new, other) = (sign_in(&**store, ADA).await?, alive(&**store, &other.id).await?);
    for (count, [from, to]) in [
        (1, [&from[..], &principal("writer")?]),
        (0, [&from, &principal("clerk")?]),
        (1, [&principal("writer")?, &principal("reviewer")?]),
    ] {
        let found = store.swap_principal(ADA, from, to).await?;
        ensure(found == count, format!("{count} sign-ins had these roles, and {found} changed"))?;
        if count > 0 {
            new.set_principal(to);
            new.version += 1;
        }
        for record in [&new, &other, &bob] {
            alive_as(&**store, record).await?;
        }
    }
    store.delete(&new.id).await?;
    let found = store.swap_principal(ADA, new.principal(), &from).await?;
    ensure(found == 0, format!("the sign-in had ended, and {found} changed"))?;
    gone(&**store, &new.id, ADA).await
}
