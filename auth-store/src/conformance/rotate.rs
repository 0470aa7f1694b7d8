//! The secret of a sign-in is replaced.

use std::sync::Arc;

use auth_core::Persistence;

use super::expect::{alive_as, gone, nothing, same, stale, stored};
use super::fixtures::{
    ADA, DAY, KIND, MINUTE, data, details, now, principal, refresh, secret, secret_of, with_secret,
};
use super::report::{Outcome, Violation};
use crate::lifetime::Deadlines;
use crate::record::{Reauthentication, Record, Rotation, SignInDetails};
use crate::secret::SecretKind;
use crate::store::Store;

/// A refresh keeps the data, the limits, the roles, and how the user was authenticated.
pub(super) async fn rotate_replaces_the_secret_and_nothing_else(store: &Arc<dyn Store>) -> Outcome {
    let (mut secret, mut expected) = with_secret(&**store).await?;
    for grace in [None, Some(now() + MINUTE), None] {
        let (next, rotation) = refresh(&secret, grace)?;
        let from = expected.current;
        rotation.clone().apply(&mut expected);
        let answer = store.rotate(&expected.sid, &from, rotation).await?;
        same(&expected, &*stored(answer)?)?;
        alive_as(&**store, &expected).await?;
        secret = next;
    }
    Ok(())
}

/// Compare-and-swap: whoever holds another secret than the current one learns the current record.
pub(super) async fn rotate_from_another_secret_changes_nothing(store: &Arc<dyn Store>) -> Outcome {
    let (first, record) = with_secret(&**store).await?;
    let sid = record.sid;
    let (_, rotation) = refresh(&first, Some(now() + MINUTE))?;
    let newest = stored(store.rotate(&sid, &record.current, rotation).await?)?;
    let forged = secret_of(sid)?;
    for late in [&first, &forged] {
        let (_, rotation) = refresh(late, Some(now() + MINUTE))?;
        let answer = store.rotate(&sid, &late.digests(KIND).current, rotation).await?;
        same(&newest, &*stale(answer)?)?;
    }
    alive_as(&**store, &newest).await
}

/// A slow refresh cannot undo a sign-out.
pub(super) async fn rotate_never_creates(store: &Arc<dyn Store>) -> Outcome {
    let (ended, _) = with_secret(&**store).await?;
    store.delete(&ended.sid()).await?;
    for secret in [ended, secret(&**store, Some(ADA))?] {
        let from = secret.digests(KIND).current;
        nothing(&store.rotate(&secret.sid(), &from, refresh(&secret, None)?.1).await?)?;
        gone(&**store, &secret.sid(), ADA).await?;
    }
    Ok(())
}

/// Neither an update nor a use between reading and rotating makes the rotation stale, and none of
/// the three is lost.
pub(super) async fn rotate_does_not_wait_for_an_update(store: &Arc<dyn Store>) -> Outcome {
    let (first, mut expected) = with_secret(&**store).await?;
    let (_, rotation) = refresh(&first, None)?;
    let (sid, from, at) = (expected.sid, expected.current, now() + MINUTE);
    stored(store.update(&sid, 0, data("cart", "[3]")).await?)?;
    store.touch(&sid, at).await?;
    store.update_subject(ADA, &principal("writer")?).await?;

    expected.data = data("cart", "[3]");
    expected.touch(at);
    expected.set_principal(principal("writer")?);
    expected.version = 2;
    rotation.clone().apply(&mut expected);
    same(&expected, &*stored(store.rotate(&sid, &from, rotation).await?)?)?;
    alive_as(&**store, &expected).await
}

/// Signing in again, as the same user: limits, roles and details start anew, the data and the id
/// stay.
pub(super) async fn sec_12_rotate_with_a_renewal_starts_the_limits_anew(
    store: &Arc<dyn Store>,
) -> Outcome {
    let (_, mut expected) = with_secret(&**store).await?;
    let stronger = SignInDetails { acr: Some("aal3".into()), ..SignInDetails::default() };
    for details in [Some(Box::new(stronger)), None, Some(Box::new(details()))] {
        let rotation = renewal(&expected, details)?;
        let from = expected.current;
        rotation.clone().apply(&mut expected);
        same(&expected, &*stored(store.rotate(&expected.sid, &from, rotation).await?)?)?;
        alive_as(&**store, &expected).await?;
    }
    Ok(())
}

fn renewal(record: &Record, details: Option<Box<SignInDetails>>) -> Result<Rotation, Violation> {
    let at = record.last_seen() + MINUTE;
    let secret = secret_of(record.sid)?;
    let kind = SecretKind::Cookie;
    let renewal = Reauthentication {
        at,
        limits: Deadlines { idle_secs: 60, ends_at: at + 2 * DAY },
        persistence: Persistence::Session,
        principal: principal("administrator")?,
        details,
    };
    Ok(Rotation { kind, digests: secret.digests(kind), grace: None, renewal: Some(renewal) })
}
