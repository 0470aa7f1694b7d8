//! Operations on the same sign-ins do not deadlock in PostgreSQL, which detects deadlocks only after
//! the timeout of an operation.

use std::sync::Arc;
use std::time::Duration;

use auth_core::SignInId;
use auth_servers::{PostgresServer, until};
use auth_store::{OverflowPolicy, PostgresStore, SignInLimit, Store};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::sign_in::{draft, now};

/// Creates sign-ins of a user in the opposite order of their ids.
async fn create_three(store: &dyn Store) -> [SignInId; 3] {
    let mut drafts = [(); 3].map(|()| draft(store, Some("ada")).1);
    drafts.sort_by_key(|record| record.id);
    for record in drafts.iter().rev() {
        let mut record = record.clone();
        // One statement finds them by the index on subjects, the other by their ids.
        record.deadlines.ends_at = now().before(Duration::from_secs(1));
        store.create(record, None).await.expect("it runs");
    }
    drafts.map(|record| record.id)
}

/// Returns the number of operations that wait for a lock.
fn count_waiting(server: &PostgresServer) -> usize {
    let query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    server.ask(query).trim().parse().expect("a number")
}

/// Makes two operations meet at the sign-in in the middle, which another transaction has locked, and
/// checks that both succeed.
async fn assert_no_deadlock(
    server: &PostgresServer,
    first: impl AsyncFn(Arc<PostgresStore>) -> JoinHandle<()>,
    second: impl AsyncFn(Arc<PostgresStore>) -> JoinHandle<()>,
) {
    let database = server.new_database();
    // The planner would scan such a small table, which gives every operation the same order.
    for setting in ["enable_seqscan", "enable_bitmapscan"] {
        let _ = server.ask(&format!("ALTER DATABASE {database} SET {setting} = off"));
    }
    let url = server.url_of(&database);
    let store = PostgresStore::builder(url.clone()).migrate().connect().await;
    let store = Arc::new(store.expect("it runs"));
    let ids = create_three(&*store).await;
    let mut other = PgConnection::connect(&url).await.expect("it runs");
    let mut locked = other.begin().await.expect("it runs");
    sqlx::query("SELECT 1 FROM auth_sign_ins WHERE sid = $1 FOR UPDATE")
        .bind(&ids[1].as_bytes()[..])
        .execute(&mut *locked)
        .await
        .expect("the row is not locked");
    let first = first(Arc::clone(&store)).await;
    until("the first operation waits", || (count_waiting(server) == 1).then_some(()));
    let second = second(Arc::clone(&store)).await;
    until("the second operation waits or ends", || {
        (count_waiting(server) == 2 || second.is_finished()).then_some(())
    });
    locked.commit().await.expect("it runs");
    first.await.expect("the operation succeeds");
    second.await.expect("the operation succeeds");
}

async fn revokes(store: Arc<PostgresStore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        store.revoke_subject("ada").await.expect("it waits only briefly");
    })
}

async fn updates(store: Arc<PostgresStore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        store.update_subject("ada", b"{}").await.expect("it waits only briefly");
    })
}

async fn sweeps(store: Arc<PostgresStore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        store.sweep(now(), 100).await.expect("it skips locked rows");
    })
}

/// Creates a sign-in at a time at which none of the others has expired, so that it evicts them all.
async fn evicts(store: Arc<PostgresStore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let limit = SignInLimit {
            max: 1.try_into().expect("not 0"),
            when_full: OverflowPolicy::EvictOldest,
        };
        let mut record = draft(&*store, Some("ada")).1;
        record.created_at = now().before(Duration::from_secs(60));
        store.create(record, Some(limit)).await.expect("it waits only briefly");
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_on_the_same_sign_ins_do_not_deadlock() {
    let server = PostgresServer::start();
    assert_no_deadlock(&server, revokes, sweeps).await;
    assert_no_deadlock(&server, updates, sweeps).await;
    assert_no_deadlock(&server, revokes, evicts).await;
    assert_no_deadlock(&server, evicts, revokes).await;
    assert_no_deadlock(&server, updates, revokes).await;
}
