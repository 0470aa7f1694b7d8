//! Rules for watches.
//!
//! A store that returns no watches passes them all; [`check_watching`] requires that it returns some.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{BoxFuture, SignInId};
use tokio::time::timeout;

use super::assertions::stored;
use super::fixtures::{
    ADA, MINUTE, data, draft, limit, now, principal, put, refresh, secret, sign_in, with_secret,
};
use super::parallel::{ROUNDS, after_turns, together};
use super::report::{Outcome, Report, Violation, ensure};
use super::suite::CHECKS;
use crate::record::Record;
use crate::store::{IntoStore, OverflowPolicy, Store};
use crate::watch::Watch;

/// A watch that has not completed by then has missed the change.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Every way in which a sign-in ends before it expires.
pub(super) const ENDS: [End; 7] = [
    End::Delete,
    End::DeleteIf,
    End::DeleteIfIdle,
    End::Revoke,
    End::RevokeOthers,
    End::RevokeSubject,
    End::Evict,
];

#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Delete,
    DeleteIf,
    DeleteIfIdle,
    Revoke,
    RevokeOthers,
    RevokeSubject,
    Evict,
}

impl End {
    /// Ends a sign-in of Ada's.
    pub(super) async fn of(self, store: &dyn Store, record: &Record) -> Outcome {
        let id = &record.id;
        match self {
            Self::Delete => _ = store.delete(id).await?,
            Self::DeleteIf => _ = store.delete_if_version(id, 0).await?,
            Self::DeleteIfIdle => _ = store.delete_if_idle(id, record.last_seen()).await?,
            Self::Revoke => _ = store.revoke(ADA, id).await?,
            Self::RevokeOthers => {
                _ = store.revoke_others(ADA, &store.new_id(Some(ADA))?).await?;
            }
            Self::RevokeSubject => _ = store.revoke_subject(ADA).await?,
            Self::Evict => {
                let newer = draft(store, ADA, record.created_at + MINUTE)?;
                store.create(newer, Some(limit(1, OverflowPolicy::EvictOldest))).await?;
            }
        }
        Ok(())
    }
}

pub(super) async fn completes(watch: Watch, what: &str) -> Outcome {
    let completed = timeout(TIMEOUT, watch).await.is_ok();
    ensure(completed, format!("a watch does not complete at {what}"))
}

/// Each of two watches completes at each kind of end, also after a third one was dropped.
pub(super) async fn a_watch_completes_at_every_end(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    for end in ENDS {
        let record = sign_in(store, ADA).await?;
        let watch = || store.watch(&record.id);
        let (Some(gone), Some(first), Some(second)) = (watch(), watch(), watch()) else {
            return Ok(());
        };
        drop(gone);
        end.of(store, &record).await?;
        completes(first, &format!("{end:?}")).await?;
        completes(second, &format!("{end:?} as another one does")).await?;
        store.revoke_subject(ADA).await?;
    }
    Ok(())
}

/// A watch completes at everything that increments the version, because what the sign-in proved may no
/// longer hold.
pub(super) async fn a_watch_completes_at_every_change(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let (secret, record) = with_secret(store).await?;
    let id = &record.id;
    let Some(watch) = store.watch(id) else { return Ok(()) };
    stored(store.update(id, 0, data("cart", "[]")).await?)?;
    completes(watch, "an update").await?;
    let Some(watch) = store.watch(id) else { return Ok(()) };
    let (_, rotation) = refresh(&secret, None)?;
    stored(store.rotate(id, &record.current, rotation).await?)?;
    completes(watch, "a rotation").await?;
    let Some(watch) = store.watch(id) else { return Ok(()) };
    store.update_subject(ADA, &principal("writer")?).await?;
    completes(watch, "an update of the subject").await
}

/// A task that watches before it loads either loads no sign-in, or its watch completes.
pub(super) async fn a_watch_misses_no_end_between_load_and_wait(store: &Arc<dyn Store>) -> Outcome {
    for (round, end) in (0..ROUNDS).flat_map(|round| ENDS.map(|end| (round, end))) {
        let record = sign_in(&**store, ADA).await?;
        let task = |i| -> BoxFuture<Outcome> {
            let (store, record) = (Arc::clone(store), record.clone());
            if i > 0 {
                return Box::pin(async move { wait_for_end(&*store, &record.id).await });
            }
            Box::pin(async move {
                after_turns(round % 5).await;
                end.of(&*store, &record).await
            })
        };
        for outcome in together(3, task).await? {
            outcome.map_err(|violation| Violation::new(format!("at {end:?}: {violation}")))?;
        }
        store.revoke_subject(ADA).await?;
    }
    Ok(())
}

async fn wait_for_end(store: &dyn Store, id: &SignInId) -> Outcome {
    loop {
        let watch = store.watch(id);
        if store.load(id).await?.is_none() {
            return Ok(());
        }
        let Some(watch) = watch else { return Ok(()) };
        completes(watch, "an end between load and wait").await?;
    }
}

/// A watch that began before the sign-in was created completes when it ends.
pub(super) async fn a_watch_does_not_need_an_existing_sign_in(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let draft = draft(store, ADA, now())?;
    let Some(watch) = store.watch(&draft.id) else { return Ok(()) };
    put(store, &draft).await?;
    let other = sign_in(store, ADA).await?;
    store.delete(&other.id).await?;
    store.delete(&draft.id).await?;
    completes(watch, "the end of a sign-in that was created after it").await
}

/// Checks a store that reports changes.
///
/// The checks of [`watch`](crate::Store::watch) in [`CHECKS`] pass for a store that returns no watches.
/// This function runs them too, but requires that the store returns some. `fresh` creates an empty store
/// for each check.
pub async fn check_watching<S: IntoStore>(fresh: impl AsyncFn() -> S) -> Report {
    let mut report = Report::default();
    report.add("a_watch_is_returned", returns_a_watch(&*fresh().await.into_store()));
    for check in CHECKS.iter().filter(|check| check.name().starts_with("a_watch_")) {
        report.add(check.name(), check.run(fresh().await).await);
    }
    report
}

/// Checks that watches complete even if the answer to the change is lost.
///
/// `lose(&store, true)` makes the store report its changes as
/// [`Unavailable`](crate::StoreErrorKind::Unavailable) from then on, although it makes them, as if the
/// connection ended after the commit. If the watch did not complete, the stream of a signed-out user would
/// go on.
pub async fn check_lost_answers<S: Store>(
    fresh: impl AsyncFn() -> S,
    lose: impl Fn(&S, bool),
) -> Report {
    let mut report = Report::default();
    for end in ENDS {
        let store = Arc::new(fresh().await);
        let outcome = ends_unanswered(&store, end, &lose).await;
        let outcome =
            outcome.map_err(|violation| Violation::new(format!("at {end:?}: {violation}")));
        report.add("a_watch_completes_at_an_end_without_an_answer", outcome);
    }
    report
}

async fn ends_unanswered<S: Store>(store: &Arc<S>, end: End, lose: &impl Fn(&S, bool)) -> Outcome {
    let record = sign_in(&**store, ADA).await?;
    let Some(watch) = store.watch(&record.id) else {
        return Err(Violation::new("the store returns no watch"));
    };
    lose(store, true);
    let answer = end.of(&**store, &record).await;
    lose(store, false);
    ensure(answer.is_err(), "the answer was not lost, so that nothing was checked")?;
    completes(watch, "an end without an answer").await?;
    ensure(store.load(&record.id).await?.is_none(), "the end has not happened")
}

fn returns_a_watch(store: &dyn Store) -> Outcome {
    let id = secret(store, Some(ADA))?.id();
    ensure(store.watch(&id).is_some(), "the store returns no watch")
}
