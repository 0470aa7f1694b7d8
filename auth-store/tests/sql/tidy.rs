//! What is collected while new sign-ins arrive.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use auth_store::{MySqlStore, OverflowPolicy, PostgresStore, SignInLimit, SqliteStore, Store};
use tokio::time::sleep;

use crate::sign_in::{draft, now, sign_in};
use crate::stores::{mysql, on_each, postgres, sqlite};

const LONG: Duration = Duration::from_secs(10);

/// Waits until this holds.
async fn comes(what: &str, holds: impl AsyncFn() -> bool) {
    let clock = Clock::system();
    let start = clock.monotonic();
    while !holds().await {
        assert!(clock.monotonic() - start < LONG, "waited for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

on_each!(what_has_expired_goes_while_others_come);
on_each!(what_was_used_is_looked_at_again_when_it_is_due);

async fn what_has_expired_goes_while_others_come(store: Arc<dyn Store>) {
    let (_, mut over) = draft(&*store, Some("ada"));
    over.limits.ends_at = now().before(Duration::from_secs(1));
    let sid = over.sid;
    store.create(over, None).await.expect("it runs");
    for _ in 0..63 {
        sign_in(&*store, "bob").await;
    }
    comes("the end of what has expired", async || {
        store.load(&sid).await.expect("it runs").is_none()
    })
    .await;
    assert_eq!(store.list("bob").await.expect("it runs").len(), 63);
}

/// Whoever sweeps moves them on, and collects them at their time.
async fn what_was_used_is_looked_at_again_when_it_is_due(store: Arc<dyn Store>) {
    let start = now();
    let minutes = |minutes| start + Duration::from_secs(60) * minutes;
    let mut sids = Vec::new();
    for _ in 0..100 {
        let (_, mut record) = draft(&*store, Some("ada"));
        record.limits.idle_secs = 600;
        sids.push(record.sid);
        store.create(record, None).await.expect("it runs");
    }
    for (number, sid) in sids.iter().enumerate() {
        let used = if number < 90 { minutes(9) } else { minutes(5) };
        store.touch(sid, used).await.expect("it runs");
    }
    assert_eq!(store.sweep(minutes(11), 1000).await.expect("it runs"), 0, "all were used");
    assert_eq!(store.sweep(minutes(16), 1000).await.expect("it runs"), 10);
    assert_eq!(store.sweep(minutes(18), 1000).await.expect("it runs"), 0);
    assert_eq!(store.sweep(minutes(20), 1000).await.expect("it runs"), 90);
    assert!(store.list("ada").await.expect("it runs").is_empty());
}

/// The oldest visitors go, and no user does.
async fn visitors_go_and_users_stay(store: Arc<dyn Store>) {
    let user = sign_in(&*store, "ada").await;
    let start = now().before(Duration::from_secs(60));
    let mut visitors = Vec::new();
    for number in 0..40 {
        let (_, mut record) = draft(&*store, None);
        record.created_at = start + Duration::from_millis(number);
        visitors.push(record.sid);
        store.create(record, None).await.expect("it runs");
    }
    // Each is counted, though somebody is nearly always tidying up: with the last, or the next time.
    for _ in 0..64 {
        sign_in(&*store, "bob").await;
    }
    comes("the end of the oldest", async || {
        store.load(&visitors[29]).await.expect("it runs").is_none()
    })
    .await;
    assert!(store.load(&user).await.expect("it runs").is_some());
    assert!(store.load(&visitors[0]).await.expect("it runs").is_none());
    let limit = SignInLimit { max: NonZeroU32::MIN, when_full: OverflowPolicy::Reject };
    let refused = store.create(draft(&*store, Some("ada")).1, Some(limit)).await.expect("it runs");
    assert_eq!(refused, auth_store::Created::LimitReached, "the user has not gone");
}

macro_rules! with_quota {
    ($database:ident, $store:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $database() {
            let builder = $store::builder(super::$database()).migrate().max_anonymous(10);
            visitors_go_and_users_stay(Arc::new(builder.connect().await.expect("it runs"))).await;
        }
    };
}

mod sec_84_a_flood_of_visitors_evicts_no_user {
    use super::*;

    with_quota!(mysql, MySqlStore);
    with_quota!(postgres, PostgresStore);
    with_quota!(sqlite, SqliteStore);
}
