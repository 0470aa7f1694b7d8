//! No operation scans the whole table.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_servers::{MariaDbServer, PostgresServer, until};
use auth_store::{MySqlStore, OverflowPolicy, PostgresStore, Secret, SignInLimit, Store};

use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};

/// Enough rows that the planner prefers an index.
const MANY: usize = 4000;
const MORE: usize = 50_000;
const TOUCHES: usize = 200;

async fn fill(store: &dyn Store) {
    for number in 0..MANY {
        let subject = (number % 4 > 0).then(|| format!("user-{}", number / 2));
        store.create(draft(store, subject.as_deref()).1, None).await.expect("it runs");
    }
}

/// Runs every kind of operation.
async fn run_all(store: &dyn Store) {
    let limit = SignInLimit { max: NonZeroU32::MIN, when_full: OverflowPolicy::EvictOldest };
    let (secret, record) = draft(store, Some("ada"));
    let id = record.id;
    store.create(record, Some(limit)).await.expect("it runs");
    for number in 0..TOUCHES {
        let at = now() + Duration::from_millis(u64::try_from(number).expect("small"));
        store.touch(&id, at).await.expect("it runs");
    }
    store.load(&id).await.expect("it runs").expect("it is there");
    store.update(&id, 0, data("[]")).await.expect("it runs");
    let digests = Secret::generate(id).expect("randomness").digests(KIND);
    store.rotate(&id, &secret.digests(KIND).current, rotation(digests)).await.expect("it runs");
    assert_eq!(store.list("ada").await.expect("it runs").len(), 1);
    store.update_subject("ada", b"{}").await.expect("it runs");
    store.create(draft(store, Some("ada")).1, Some(limit)).await.expect("it runs");
    let other = sign_in(store, "ada").await;
    store.revoke_others("ada", &other).await.expect("it runs");
    assert!(store.revoke("ada", &other).await.expect("it runs"));
    store.revoke_subject("user-1").await.expect("it runs");
    store.delete(&id).await.expect("it runs");
    store.delete_if_version(&id, 0).await.expect("it runs");
    store.delete_if_idle(&id, now()).await.expect("it runs");
    let (_, mut over) = draft(store, Some("ada"));
    over.deadlines.ends_at = now().before(Duration::from_secs(1));
    store.create(over, None).await.expect("it runs");
    assert_eq!(store.sweep(now(), 100).await.expect("it runs").removed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_uses_indexes_and_touches_rows_in_place() {
    let server = PostgresServer::start();
    let open =
        async |builder: auth_store::PostgresStoreBuilder| builder.connect().await.expect("it runs");
    let store = open(PostgresStore::builder(server.url()).migrate()).await;
    sign_in(&store, "eve").await;
    drop(store);
    // Copies that sign-in with other ids. A quarter of the copies are anonymous.
    let _ = server.ask(&format!(
        "INSERT INTO auth_sign_ins SELECT substring(sha256(n::text::bytea) FOR 16), \
         CASE WHEN n % 4 > 0 THEN n END, version, last_seen, created_at, authenticated_at, \
         idle_secs, ends_at, due_at, kind, persistence, family, verifier, \
         CASE WHEN n % 4 > 0 THEN subject END, grace, details, principal, data \
         FROM auth_sign_ins, generate_series(1, {MORE}) AS n"
    ));
    let count = |what: &str| -> usize {
        let query =
            format!("SELECT {what} FROM pg_stat_user_tables WHERE relname = 'auth_sign_ins'");
        server.ask(&query).trim().parse().expect("a number")
    };
    until("the statistics are up to date", || (count("n_tup_ins") == MORE + 1).then_some(()));
    let _ = server.ask("VACUUM ANALYZE auth_sign_ins");
    let (scans, in_place) = (count("seq_scan"), count("n_tup_hot_upd"));

    let store = open(PostgresStore::builder(server.url())).await;
    run_all(&store).await;
    // A connection reports its statistics when it closes, at the latest.
    drop(store);
    until("the statistics are up to date", || (count("n_tup_ins") == MORE + 5).then_some(()));
    assert_eq!(count("seq_scan"), scans, "an operation scanned the table");
    let in_place = count("n_tup_hot_upd") - in_place;
    assert!(in_place >= TOUCHES, "{in_place} of {TOUCHES} touches were in place");
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_uses_indexes() {
    let server = MariaDbServer::with(&[
        "--slow-query-log=1",
        "--log-output=TABLE",
        "--log-queries-not-using-indexes=1",
        "--long-query-time=60",
    ]);
    let store = MySqlStore::builder(server.url()).migrate().connect().await.expect("it runs");
    fill(&store).await;
    let _ = server.ask("ANALYZE TABLE auth_sign_ins");
    let slow = || {
        server.ask(
            "SELECT CONVERT(sql_text USING utf8mb4) FROM mysql.slow_log \
             WHERE sql_text LIKE '%auth_sign_ins%' AND sql_text NOT LIKE '%slow_log%'",
        )
    };
    let before = slow();
    run_all(&store).await;
    assert_eq!(slow(), before, "an operation scanned the table");
    let _ = server.ask("SELECT COUNT(*) FROM auth_sign_ins WHERE kind = 9");
    assert!(slow().len() > before.len(), "the log shows statements that scan the table");
}
