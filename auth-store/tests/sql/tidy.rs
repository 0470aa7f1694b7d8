//! The cleanup: expired sign-ins, and anonymous ones beyond the maximum.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use auth_store::{
    MySqlStore, OverflowPolicy, PostgresStore, SignInLimit, SqliteStore, Store, Swept,
};
use tokio::time::sleep;

use crate::sign_in::{draft, now, sign_in};
use crate::stores::{mysql, on_each, postgres, sqlite};

const LONG: Duration = Duration::from_secs(10);

/// Waits until the condition holds.
async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let clock = Clock::system();
    let start = clock.monotonic();
    while !holds().await {
        assert!(clock.monotonic() - start < LONG, "waited for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

on_each!(a_sweep_postpones_sign_ins_that_were_used);

/// A sweep postpones them, and a later one deletes them once they have expired.
async fn a_sweep_postpones_sign_ins_that_were_used(store: Arc<dyn Store>) {
    let start = now();
    let minutes = |minutes| start + Duration::from_secs(60) * minutes;
    let mut ids = Vec::new();
    for _ in 0..100 {
        let (_, mut record) = draft(&*store, Some("ada"));
        record.deadlines.idle_secs = 600;
        ids.push(record.id);
        store.create(record, None).await.expect("it runs");
    }
    for (number, id) in ids.iter().enumerate() {
        let used = if number < 90 { minutes(9) } else { minutes(5) };
        store.touch(id, used).await.expect("it runs");
    }
    for (at, expected) in [(11, 0), (16, 10), (18, 0), (20, 90)] {
        let swept = store.sweep(minutes(at), 1000).await.expect("it runs");
        assert_eq!(swept, Swept { removed: expected, more: false }, "after {at} minutes");
    }
    assert!(store.list("ada").await.expect("it runs").is_empty());
}

/// Checks that the oldest anonymous sign-ins are evicted, and no others.
async fn assert_only_visitors_are_evicted(store: Arc<dyn Store>) {
    let user = sign_in(&*store, "ada").await;
    let start = now().before(Duration::from_secs(60));
    let mut visitors = Vec::new();
    for number in 0..40 {
        let (_, mut record) = draft(&*store, None);
        record.created_at = start + Duration::from_millis(number);
        visitors.push(record.id);
        store.create(record, None).await.expect("it runs");
    }
    eventually("the eviction of the oldest", async || {
        store.load(&visitors[29]).await.expect("it runs").is_none()
    })
    .await;
    assert!(store.load(&user).await.expect("it runs").is_some());
    assert!(store.load(&visitors[0]).await.expect("it runs").is_none());
    let limit = SignInLimit { max: NonZeroU32::MIN, when_full: OverflowPolicy::Reject };
    let refused = store.create(draft(&*store, Some("ada")).1, Some(limit)).await.expect("it runs");
    assert_eq!(refused, auth_store::Created::LimitReached, "the sign-in of the user remains");
}

macro_rules! with_maximum {
    ($database:ident, $store:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $database() {
            let builder = $store::builder(super::$database()).migrate().max_anonymous(10);
            assert_only_visitors_are_evicted(Arc::new(builder.connect().await.expect("it runs")))
                .await;
        }
    };
}

mod sec_84_a_flood_of_visitors_evicts_no_user {
    use super::*;

    with_maximum!(mysql, MySqlStore);
    with_maximum!(postgres, PostgresStore);
    with_maximum!(sqlite, SqliteStore);
}
