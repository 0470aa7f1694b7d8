//! Rules for looking up secrets: `find`.
//!
//! The result depends on what the store kept of the secret, on its kind, and on the grace.

use std::sync::Arc;

use super::assertions::{alive, alive_as, leads, stored};
use super::fixtures::{KIND, MINUTE, now, refresh, secret_of, with_secret};
use super::report::{Outcome, Violation, ensure};
use crate::record::{Rotation, SecretMatch};
use crate::secret::{Secret, SecretKind};
use crate::store::{SecretLookup, Store};

/// Without grace, the old secret is invalid at once; the new one proves the sign-in.
pub(super) async fn sec_83_a_secret_without_grace_is_invalid_at_once(
    store: &Arc<dyn Store>,
) -> Outcome {
    let (first, record) = with_secret(&**store).await?;
    let found = leads(&**store, &first, now()).await?;
    ensure(
        matches!(found, SecretLookup::Current(_)),
        "the first secret does not prove its sign-in",
    )?;

    let (second, rotation) = refresh(&first, None)?;
    let rotated = stored(store.rotate(&record.id, &record.current, rotation).await?)?;
    ensure(!rotated.in_grace(&record.current, now()), "the old secret has a grace")?;
    let found = leads(&**store, &second, now()).await?;
    ensure(matches!(found, SecretLookup::Current(_)), "the new secret does not prove the sign-in")?;
    let found = leads(&**store, &first, now()).await?;
    ensure(matches!(found, SecretLookup::Reused(_)), format!("the old secret leads to {found:?}"))
}

/// Until the grace ends, the old secret leads to the secret that replaced it.
pub(super) async fn sec_64_a_secret_in_grace_leads_to_its_successor(
    store: &Arc<dyn Store>,
) -> Outcome {
    let (first, record) = with_secret(&**store).await?;
    let until = now() + MINUTE;
    let (second, rotation) = refresh(&first, Some(until))?;
    stored(store.rotate(&record.id, &record.current, rotation).await?)?;

    let found = leads(&**store, &first, now()).await?;
    let SecretLookup::Rotated(rotated) = found else {
        return Err(Violation::new(format!("within its grace, the old secret leads to {found:?}")));
    };
    let SecretMatch::Rotated(nonce) = rotated.match_secret(&first, KIND, now()) else {
        return Err(Violation::new("within its grace, the old secret yields no nonce"));
    };
    let derived = first.successor(&nonce).digests(KIND);
    ensure(
        derived == second.digests(KIND),
        "the nonce derives another secret than the current one",
    )?;
    let found = leads(&**store, &first, until).await?;
    ensure(
        matches!(found, SecretLookup::Reused(_)),
        format!("after its grace, the old secret leads to {found:?}"),
    )
}

/// A rotation with a grace is a use of the sign-in.
pub(super) async fn sec_64_a_grace_moves_the_last_seen_time_forward(
    store: &Arc<dyn Store>,
) -> Outcome {
    let (mut secret, record) = with_secret(&**store).await?;
    let (seen, mut from) = (record.last_seen() + MINUTE, record.current);
    // The second one comes from a node whose clock is behind: the time never moves back.
    for replaced_at in [seen, record.last_seen()] {
        let (next, rotation) = refresh(&secret, Some(replaced_at))?;
        let rotated = stored(store.rotate(&record.id, &from, rotation).await?)?;
        let kept = alive(&**store, &record.id).await?;
        for last_seen in [rotated.last_seen(), kept.last_seen()] {
            ensure(
                last_seen == seen,
                format!("after a rotation at {replaced_at:?}, the last use is {last_seen:?}"),
            )?;
        }
        (secret, from) = (next, rotated.current);
    }
    Ok(())
}

/// The grace of a secret ends as soon as its successor is itself replaced.
pub(super) async fn a_grace_ends_with_the_next_refresh(store: &Arc<dyn Store>) -> Outcome {
    let (first, record) = with_secret(&**store).await?;
    let id = record.id;
    let (second, rotation) = refresh(&first, Some(now() + MINUTE))?;
    let current = stored(store.rotate(&id, &record.current, rotation).await?)?.current;
    let (third, rotation) = refresh(&second, Some(now() + MINUTE))?;
    let current_then = stored(store.rotate(&id, &current, rotation).await?)?.current;
    let found = leads(&**store, &first, now()).await?;
    ensure(
        matches!(found, SecretLookup::Reused(_)),
        format!("the oldest secret leads to {found:?}"),
    )?;
    let found = leads(&**store, &second, now()).await?;
    ensure(
        matches!(found, SecretLookup::Rotated(_)),
        format!("the previous secret leads to {found:?}"),
    )?;

    let (_, rotation) = refresh(&third, None)?;
    stored(store.rotate(&id, &current_then, rotation).await?)?;
    for old in [first, second, third] {
        let found = leads(&**store, &old, now()).await?;
        ensure(
            matches!(found, SecretLookup::Reused(_)),
            format!("an old secret leads to {found:?}"),
        )?;
    }
    Ok(())
}

/// Knowing a public id does no harm: a forged secret leads nowhere, and does not count as reuse.
pub(super) async fn sec_86_a_forged_secret_proves_nothing(store: &Arc<dyn Store>) -> Outcome {
    let (_, record) = with_secret(&**store).await?;
    let forged = secret_of(record.id)?;
    let found = leads(&**store, &forged, now()).await?;
    ensure(matches!(found, SecretLookup::NotFound), format!("a forged secret leads to {found:?}"))?;
    alive_as(&**store, &record).await
}

/// A secret of one kind is never accepted as one of another, neither before nor after a rotation. After
/// reauthentication has changed the kind, the old secret is unknown and does not count as reuse.
pub(super) async fn sec_81_a_secret_of_another_kind_proves_nothing(
    store: &Arc<dyn Store>,
) -> Outcome {
    let (first, record) = with_secret(&**store).await?;
    foreign(&**store, &first, &[SecretKind::Cookie, SecretKind::Bearer]).await?;
    let (second, rotation) = refresh(&first, Some(now() + MINUTE))?;
    let current = stored(store.rotate(&record.id, &record.current, rotation).await?)?.current;
    foreign(&**store, &first, &[SecretKind::Cookie, SecretKind::Bearer]).await?;
    foreign(&**store, &second, &[SecretKind::Cookie, SecretKind::Bearer]).await?;

    let cookie = secret_of(record.id)?;
    let digests = cookie.digests(SecretKind::Cookie);
    let rotation =
        Rotation { kind: SecretKind::Cookie, digests, grace: None, reauthentication: None };
    stored(store.rotate(&record.id, &current, rotation).await?)?;
    foreign(&**store, &cookie, &[SecretKind::Bearer, SecretKind::Refresh]).await?;
    foreign(&**store, &second, &[SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh]).await
}

async fn foreign(store: &dyn Store, secret: &Secret, kinds: &[SecretKind]) -> Outcome {
    let record = alive(store, &secret.id()).await?;
    for kind in kinds {
        let found = SecretLookup::from_record(Some(Arc::clone(&record)), secret, *kind, now());
        ensure(
            matches!(found, SecretLookup::NotFound),
            format!("used as {kind:?}, it leads to {found:?}"),
        )?;
    }
    Ok(())
}
