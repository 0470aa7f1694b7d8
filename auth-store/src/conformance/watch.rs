//! Rules for watches.
//!
//! A store that returns no watches passes them all; [`check_watching`] requires that it returns some.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{BoxFuture, SignInId};
use tokio::time::timeout;

use super::catalogue::CHECKS;
use super::expect::stored;
use super::fixtures::{
    ADA, MINUTE, data, draft, limit, now, principal, put, refresh, secret, sign_in, with_secret,
};
use super::parallel::{ROUNDS, after_turns, together};
use super::report::{Outcome, Report, Violation, ensure};
use crate::record::Record;
use crate::store::{IntoStore, OverflowPolicy, Store};
use crate::watch::Watch;

/// A watch that is not ready by then has missed what happened.
const LONG_ENOUGH: Duration = Duration::from_secs(5);

/// Every way in which a sign-in ends before its time.
const ENDS: [End; 7] = [
    End::Delete,
    End::DeleteIf,
    End::DeleteIfIdle,
    End::Revoke,
    End::RevokeOthers,
    End::RevokeSubject,
    End::Evict,
];

#[derive(Clone, Copy, Debug)]
enum End {
    Delete,
    DeleteIf,
    DeleteIfIdle,
    Revoke,
    RevokeOthers,
    RevokeSubject,
    Evict,
}

impl End {
    async fn of(self, store: &dyn Store, record: &Record) -> Outcome {
        let sid = &record.sid;
        match self {
            Self::Delete => _ = store.delete(sid).await?,
            Self::DeleteIf => _ = store.delete_if_version(sid, 0).await?,
            Self::DeleteIfIdle => _ = store.delete_if_idle(sid, record.last_seen()).await?,
            Self::Revoke => _ = store.revoke(ADA, sid).await?,
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

async fn hears(watch: Watch, what: &str) -> Outcome {
    let heard = timeout(LONG_ENOUGH, watch).await.is_ok();
    ensure(heard, format!("a watch does not hear of {what}"))
}

/// Both of two who wait hear of each kind of end, also if a third one went away before.
pub(super) async fn a_watch_completes_at_every_end(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    for end in ENDS {
        let record = sign_in(store, ADA).await?;
        let watch = || store.watch(&record.sid);
        let (Some(gone), Some(first), Some(second)) = (watch(), watch(), watch()) else {
            return Ok(());
        };
        drop(gone);
        end.of(store, &record).await?;
        hears(first, &format!("{end:?}")).await?;
        hears(second, &format!("{end:?} like another one")).await?;
        store.revoke_subject(ADA).await?;
    }
    Ok(())
}

/// Of everything that raises the version: what was proved before may not be proved any more.
pub(super) async fn a_watch_completes_at_every_change(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let (secret, record) = with_secret(store).await?;
    let sid = &record.sid;
    let Some(watch) = store.watch(sid) else { return Ok(()) };
    stored(store.update(sid, 0, data("cart", "[]")).await?)?;
    hears(watch, "an update").await?;
    let Some(watch) = store.watch(sid) else { return Ok(()) };
    let (_, rotation) = refresh(&secret, None)?;
    stored(store.rotate(sid, &record.current, rotation).await?)?;
    hears(watch, "a rotation").await?;
    let Some(watch) = store.watch(sid) else { return Ok(()) };
    store.update_subject(ADA, &principal("writer")?).await?;
    hears(watch, "an amendment").await
}

/// Whoever watches before it looks sees the end, or hears of it, whichever comes first.
pub(super) async fn a_watch_misses_no_end_between_load_and_wait(store: &Arc<dyn Store>) -> Outcome {
    for (round, end) in (0..ROUNDS).flat_map(|round| ENDS.map(|end| (round, end))) {
        let record = sign_in(&**store, ADA).await?;
        let task = |i| -> BoxFuture<Outcome> {
            let (store, record) = (Arc::clone(store), record.clone());
            if i > 0 {
                return Box::pin(async move { see_the_end(&*store, &record.sid).await });
            }
            Box::pin(async move {
                after_turns(round % 5).await;
                end.of(&*store, &record).await
            })
        };
        for outcome in together(3, task).await? {
            outcome.map_err(|violation| Violation::new(format!("of {end:?}: {violation}")))?;
        }
        store.revoke_subject(ADA).await?;
    }
    Ok(())
}

async fn see_the_end(store: &dyn Store, sid: &SignInId) -> Outcome {
    loop {
        let watch = store.watch(sid);
        if store.load(sid).await?.is_none() {
            return Ok(());
        }
        let Some(watch) = watch else { return Ok(()) };
        hears(watch, "an end between its look and its wait").await?;
    }
}

/// What was not there when the watch began is heard of when it ends.
pub(super) async fn a_watch_does_not_need_an_existing_sign_in(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let draft = draft(store, ADA, now())?;
    let Some(watch) = store.watch(&draft.sid) else { return Ok(()) };
    put(store, &draft).await?;
    let other = sign_in(store, ADA).await?;
    store.delete(&other.sid).await?;
    store.delete(&draft.sid).await?;
    hears(watch, "the end of a sign-in that began after it").await
}

/// Puts stores that tell of changes to the rules of [`CHECKS`] about
/// [`watch`](crate::Store::watch), each of which a store that gives out no watch keeps, too: here that is a
/// violation. `fresh` makes a store for each, which tells of changes from then on.
pub async fn check_watching<S: IntoStore>(fresh: impl AsyncFn() -> S) -> Report {
    let mut report = Report::default();
    report.add("a_watch_is_returned", gives_out(&*fresh().await.into_store()));
    for check in CHECKS.iter().filter(|check| check.name().starts_with("a_watch_")) {
        report.add(check.name(), check.run(fresh().await).await);
    }
    report
}

fn gives_out(store: &dyn Store) -> Outcome {
    let sid = secret(store, Some(ADA))?.sid();
    ensure(store.watch(&sid).is_some(), "there is no watch to be had")
}
