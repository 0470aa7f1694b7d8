//! Rules for changing one sign-in: `update`, `rotate` and `touch`.
//!
//! A change returns the new record, leaves everything else alone, and never creates a sign-in.

use std::sync::Arc;

use auth_core::Persistence;

use super::assertions::{alive, alive_as, gone, nothing, same, stale, stored};
use super::fixtures::{
    ADA, DAY, KIND, MINUTE, custom_kinds, data, details, now, principal, put, record, refresh,
    secret, secret_of, sign_in, unknown, with_secret,
};
use super::report::{Outcome, Violation, ensure};
use crate::data::SessionData;
use crate::lifetime::Deadlines;
use crate::record::{Reauthentication, Record, Rotation, SignInDetails};
use crate::secret::SecretKind;
use crate::store::{SecretLookup, Store};

/// A refresh keeps the data, the deadlines, the roles, and how the user was authenticated.
pub(super) async fn rotate_replaces_the_secret_and_nothing_else(store: &Arc<dyn Store>) -> Outcome {
    let (mut secret, mut expected) = with_secret(&**store).await?;
    for grace in [None, Some(now() + MINUTE), None] {
        let (next, rotation) = refresh(&secret, grace)?;
        let from = expected.current;
        rotation.clone().apply(&mut expected);
        let answer = store.rotate(&expected.id, &from, rotation).await?;
        same(&expected, &*stored(answer)?)?;
        alive_as(&**store, &expected).await?;
        secret = next;
    }
    Ok(())
}

/// Compare-and-swap: a rotation from another secret than the current one returns the current record.
pub(super) async fn rotate_from_another_secret_changes_nothing(store: &Arc<dyn Store>) -> Outcome {
    let (first, record) = with_secret(&**store).await?;
    let id = record.id;
    let (_, rotation) = refresh(&first, Some(now() + MINUTE))?;
    let newest = stored(store.rotate(&id, &record.current, rotation).await?)?;
    let forged = secret_of(id)?;
    for late in [&first, &forged] {
        let (_, rotation) = refresh(late, Some(now() + MINUTE))?;
        let answer = store.rotate(&id, &late.digests(KIND).current, rotation).await?;
        same(&newest, &*stale(answer)?)?;
    }
    alive_as(&**store, &newest).await
}

/// A slow refresh does not undo a sign-out.
pub(super) async fn rotate_never_creates(store: &Arc<dyn Store>) -> Outcome {
    let (ended, _) = with_secret(&**store).await?;
    store.delete(&ended.id()).await?;
    for secret in [ended, secret(&**store, Some(ADA))?] {
        let from = secret.digests(KIND).current;
        nothing(&store.rotate(&secret.id(), &from, refresh(&secret, None)?.1).await?)?;
        gone(&**store, &secret.id(), ADA).await?;
    }
    Ok(())
}

/// Neither an update nor a use between reading and rotating causes a conflict, and none of the three is
/// lost.
pub(super) async fn rotate_does_not_conflict_with_an_update(store: &Arc<dyn Store>) -> Outcome {
    let (first, mut expected) = with_secret(&**store).await?;
    let (_, rotation) = refresh(&first, None)?;
    let (id, from, at) = (expected.id, expected.current, now() + MINUTE);
    stored(store.update(&id, 0, data("cart", "[3]")).await?)?;
    store.touch(&id, at).await?;
    store.update_subject(ADA, &principal("writer")?).await?;

    expected.data = data("cart", "[3]");
    expected.touch(at);
    expected.set_principal(principal("writer")?);
    expected.version = 2;
    rotation.clone().apply(&mut expected);
    same(&expected, &*stored(store.rotate(&id, &from, rotation).await?)?)?;
    alive_as(&**store, &expected).await
}

/// When the same user signs in again, deadlines, roles and details are replaced; the data and the id
/// stay.
pub(super) async fn sec_12_reauthentication_restarts_the_deadlines(
    store: &Arc<dyn Store>,
) -> Outcome {
    let (_, mut expected) = with_secret(&**store).await?;
    let stronger = SignInDetails { acr: Some("aal3".into()), ..SignInDetails::default() };
    for details in [Some(Box::new(stronger)), None, Some(Box::new(details()))] {
        let rotation = reauthentication(&expected, details)?;
        let from = expected.current;
        rotation.clone().apply(&mut expected);
        same(&expected, &*stored(store.rotate(&expected.id, &from, rotation).await?)?)?;
        alive_as(&**store, &expected).await?;
    }
    Ok(())
}

/// A custom kind is stored with its name, and stays when the user is authenticated again or the roles change.
pub(super) async fn a_custom_kind_is_kept(store: &Arc<dyn Store>) -> Outcome {
    for kind in custom_kinds() {
        let secret = secret(&**store, Some(ADA))?;
        let mut expected = record(&secret, Some(ADA), now())?;
        let digests = secret.digests(kind);
        (expected.kind, expected.family, expected.current) =
            (kind, digests.family, digests.current);
        put(&**store, &expected).await?;
        alive_as(&**store, &expected).await?;
        let found = store.find(&secret, kind, now()).await?;
        ensure(
            matches!(found, SecretLookup::Current(_)),
            format!("a secret of a custom kind leads to {found:?}"),
        )?;
        for wrong in [KIND, SecretKind::Bearer, SecretKind::custom("conformance-3")] {
            let found = store.find(&secret, wrong, now()).await?;
            ensure(
                matches!(found, SecretLookup::NotFound),
                format!("used as {wrong:?}, it leads to {found:?}"),
            )?;
        }
        for details in [SignInDetails::default(), details()] {
            let rotation = reauthentication_as(kind, &expected, Some(Box::new(details)))?;
            let from = expected.current;
            rotation.clone().apply(&mut expected);
            same(&expected, &*stored(store.rotate(&expected.id, &from, rotation).await?)?)?;
            alive_as(&**store, &expected).await?;
        }
        store.update_subject(ADA, &principal("clerk")?).await?;
        expected = expected.amended(principal("clerk")?);
        alive_as(&**store, &expected).await?;
        store.revoke_subject(ADA).await?;
        gone(&**store, &expected.id, ADA).await?;
    }
    Ok(())
}

/// A new authentication that states no roles keeps those that the record has, even if they were replaced since
/// the caller read the record.
pub(super) async fn sec_88_reauthentication_keeps_the_newest_roles(
    store: &Arc<dyn Store>,
) -> Outcome {
    let mut expected = sign_in(&**store, ADA).await?;
    let newest = principal("newest")?;
    store.update_subject(ADA, &newest).await?;
    expected = expected.amended(newest);
    let mut rotation = reauthentication(&expected, None)?;
    if let Some(reauthentication) = &mut rotation.reauthentication {
        reauthentication.principal = None;
    }
    let from = expected.current;
    rotation.clone().apply(&mut expected);
    same(&expected, &*stored(store.rotate(&expected.id, &from, rotation).await?)?)?;
    alive_as(&**store, &expected).await
}

pub(super) fn reauthentication(
    record: &Record,
    details: Option<Box<SignInDetails>>,
) -> Result<Rotation, Violation> {
    reauthentication_as(SecretKind::Cookie, record, details)
}

fn reauthentication_as(
    kind: SecretKind,
    record: &Record,
    details: Option<Box<SignInDetails>>,
) -> Result<Rotation, Violation> {
    let seen_at = record.last_seen() + MINUTE;
    let secret = secret_of(record.id)?;
    let reauthentication = Reauthentication {
        at: record.created_at.before(MINUTE),
        seen_at,
        deadlines: Deadlines { idle_secs: 60, ends_at: seen_at + 2 * DAY },
        persistence: Persistence::Session,
        principal: Some(principal("administrator")?),
        details,
    };
    Ok(Rotation {
        kind,
        digests: secret.digests(kind),
        grace: None,
        reauthentication: Some(reauthentication),
    })
}

/// Compare-and-swap: the result is the record that is stored.
pub(super) async fn update_replaces_the_data_and_nothing_else(store: &Arc<dyn Store>) -> Outcome {
    let mut expected = sign_in(&**store, ADA).await?;
    let neighbour = sign_in(&**store, ADA).await?;
    for data in [data("theme", "\"dark\""), SessionData::new(), data("cart", "[3]")] {
        let answer = store.update(&expected.id, expected.version, data.clone()).await?;
        expected.data = data;
        expected.version += 1;
        same(&expected, &*stored(answer)?)?;
        alive_as(&**store, &expected).await?;
    }
    alive_as(&**store, &neighbour).await
}

/// An update of another version, older or never stored, returns the current record.
pub(super) async fn update_at_another_version_changes_nothing(store: &Arc<dyn Store>) -> Outcome {
    let id = sign_in(&**store, ADA).await?.id;
    let newest = stored(store.update(&id, 0, data("cart", "[3]")).await?)?;
    for version in [0, 2, u64::MAX] {
        let answer = store.update(&id, version, data("cart", "\"lost\"")).await?;
        same(&newest, &*stale(answer)?)?;
    }
    alive_as(&**store, &newest).await
}

/// A slow update does not undo a sign-out.
pub(super) async fn update_never_creates(store: &Arc<dyn Store>) -> Outcome {
    let ended = sign_in(&**store, ADA).await?;
    ensure(
        store.delete(&ended.id).await?,
        "delete of an existing sign-in reports that there is none",
    )?;
    for id in [unknown(&**store)?, ended.id] {
        for version in [0, 1] {
            nothing(&store.update(&id, version, data("cart", "[]")).await?)?;
        }
        gone(&**store, &id, ADA).await?;
    }
    Ok(())
}

/// A use that was recorded after the record was read is not lost.
pub(super) async fn update_keeps_the_last_seen_time(store: &Arc<dyn Store>) -> Outcome {
    let mut expected = sign_in(&**store, ADA).await?;
    let at = now() + MINUTE;
    store.touch(&expected.id, at).await?;
    let answer = store.update(&expected.id, 0, data("cart", "[3]")).await?;
    expected.touch(at);
    expected.data = data("cart", "[3]");
    expected.version = 1;
    same(&expected, &*stored(answer)?)?;
    alive_as(&**store, &expected).await
}

/// Each update increments the version, which never starts again: a byte is not enough.
pub(super) async fn three_hundred_updates_are_counted(store: &Arc<dyn Store>) -> Outcome {
    let mut expected = sign_in(&**store, ADA).await?;
    let id = expected.id;
    for number in 0..300_u64 {
        expected = expected.updated(data("number", &number.to_string()));
        same(&expected, &*stored(store.update(&id, number, expected.data.clone()).await?)?)?;
    }
    let late = store.update(&id, 300 - 256, data("number", "\"lost\"")).await?;
    same(&expected, &*stale(late)?)?;
    alive_as(&**store, &expected).await
}

/// A later use moves the time; repeating it changes nothing.
pub(super) async fn touch_moves_the_last_seen_time_forward(store: &Arc<dyn Store>) -> Outcome {
    let mut expected = sign_in(&**store, ADA).await?;
    let neighbour = sign_in(&**store, ADA).await?;
    for at in [now() + MINUTE, now() + 2 * MINUTE] {
        for _ in 0..2 {
            store.touch(&expected.id, at).await?;
            expected.touch(at);
            alive_as(&**store, &expected).await?;
        }
    }
    alive_as(&**store, &neighbour).await
}

/// An earlier use that is recorded late changes nothing.
pub(super) async fn touch_never_moves_the_last_seen_time_back(store: &Arc<dyn Store>) -> Outcome {
    let expected = sign_in(&**store, ADA).await?;
    let latest = now() + 2 * MINUTE;
    store.touch(&expected.id, latest).await?;
    for at in [now() + MINUTE, expected.created_at.before(MINUTE)] {
        store.touch(&expected.id, at).await?;
        let seen = alive(&**store, &expected.id).await?.last_seen();
        ensure(
            seen == latest,
            format!("last seen at {latest:?}, and after an earlier use at {seen:?}"),
        )?;
    }
    Ok(())
}

/// A use never causes a conflict.
pub(super) async fn touch_does_not_change_the_version(store: &Arc<dyn Store>) -> Outcome {
    let expected = sign_in(&**store, ADA).await?;
    for version in 0..3 {
        store.touch(&expected.id, now() + MINUTE).await?;
        let record = alive(&**store, &expected.id).await?;
        ensure(
            record.version == version,
            format!("touch changed the version from {version} to {}", record.version),
        )?;
        stored(store.update(&expected.id, version, data("cart", "[]")).await?)?;
    }
    Ok(())
}

/// An ended sign-in stays so, and touching it is not an error.
pub(super) async fn touch_never_creates(store: &Arc<dyn Store>) -> Outcome {
    let ended = sign_in(&**store, ADA).await?;
    store.delete(&ended.id).await?;
    for id in [unknown(&**store)?, ended.id] {
        store.touch(&id, now() + MINUTE).await?;
        gone(&**store, &id, ADA).await?;
    }
    Ok(())
}
