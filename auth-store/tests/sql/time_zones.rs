//! The clock and the time zone of a database do not matter.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Timestamp;
use auth_servers::{MariaDbServer, PostgresServer};
use auth_store::{Deadlines, MySqlStore, PostgresStore, Store};

use crate::sign_in::draft;

/// Checks that times around a change to summer time, the epoch and the end are stored to the
/// millisecond, and that sign-ins expire by the caller's clock.
async fn assert_times_are_kept(store: Arc<dyn Store>) {
    // In New York, 2026-03-08 02:30 does not exist. The first time is shortly after, 07:30 in UTC.
    let moments = [1_772_955_000_000, 1_774_746_123_457, 0, 253_402_300_800_001];
    for millis in moments {
        let start = Timestamp::from_millis(millis);
        let (_, mut record) = draft(&*store, Some("ada"));
        let ends_at = start + Duration::from_millis(1001);
        record.created_at = start;
        record.authenticated_at = start;
        record.deadlines = Deadlines { idle_secs: 0, ends_at };
        let id = record.id;
        store.create(record, None).await.expect("it runs");
        let kept = store.load(&id).await.expect("it runs").expect("it is there");
        assert_eq!((kept.created_at, kept.authenticated_at), (start, start));
        assert_eq!(kept.deadlines.ends_at, ends_at);
        let before = start + Duration::from_millis(1000);
        assert_eq!(
            store.sweep(before, 10).await.expect("it runs").removed,
            0,
            "live at {before:?}"
        );
        assert_eq!(store.sweep(ends_at, 10).await.expect("it runs").removed, 1, "expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_80_the_clock_and_the_time_zone_of_a_database_do_not_matter() {
    for zone in ["America/New_York", "Asia/Tokyo"] {
        let settings = [format!("--timezone={zone}"), format!("--log_timezone={zone}")];
        let server = PostgresServer::with(&[&settings[0], &settings[1]]);
        assert_eq!(server.ask("SHOW timezone").trim(), zone);
        let store = PostgresStore::builder(server.url()).migrate().connect().await;
        assert_times_are_kept(Arc::new(store.expect("it runs"))).await;
    }
    for zone in ["-05:00", "+09:00"] {
        let server = MariaDbServer::with(&[&format!("--default-time-zone={zone}")]);
        assert_eq!(server.ask("SELECT @@global.time_zone").trim(), zone);
        let store = MySqlStore::builder(server.url()).migrate().connect().await;
        assert_times_are_kept(Arc::new(store.expect("it runs"))).await;
    }
}
