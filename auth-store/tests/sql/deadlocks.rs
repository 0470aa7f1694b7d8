//! Steps about the same sign-ins do not wait for each other in PostgreSQL, which would look for that
//! only when their time is over.

use std::sync::Arc;
use std::time::Duration;

use auth_core::SignInId;
use auth_servers::{PostgresServer, until};
use auth_store::{OverflowPolicy, PostgresStore, SignInLimit, Store};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::sign_in::{draft, now};

/// Sign-ins of a user, which were written in the opposite order of their ids.
async fn three(store: &dyn Store) -> [SignInId; 3] {
    let mut drafts = [(); 3].map(|()| draft(store, Some("ada")).1);
    drafts.sort_by_key(|record| record.sid);
    for record in drafts.iter().rev() {
        let mut record = record.clone();
        // One statement finds them by the index of subjects, the other by their ids.
        record.limits.ends_at = now().before(Duration::from_secs(1));
        store.create(record, None).await.expect("it runs");
    }
    drafts.map(|record| record.sid)
}

/// How many steps wait for a lock.
fn waiting(server: &PostgresServer) -> usize {
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    server.ask(asked).trim().parse().expect("a number")
}

/// Has two steps meet at the sign-in in the middle, which somebody else has locked.
async fn both_end(
    server: &PostgresServer,
    first: impl AsyncFn(Arc<PostgresStore>) -> JoinHandle<()>,
    second: impl AsyncFn(Arc<PostgresStore>) -> JoinHandle<()>,
) {
    let database = server.new_database();
    // A table of three is looked through otherwise, by everybody in one order.
    for way in ["enable_seqscan", "enable_bitmapscan"] {
        let _ = server.ask(&format!("ALTER DATABASE {database} SET {way} = off"));
    }
    let url = server.url_of(&database);
    let store = PostgresStore::builder(url.clone()).migrate().connect().await;
    let store = Arc::new(store.expect("it runs"));
    let sids = three(&*store).await;
    let mut other = PgConnection::connect(&url).await.expect("it runs");
    let mut locked = other.begin().await.expect("it runs");
    sqlx::query("SELECT 1 FROM auth_sign_ins WHERE sid = $1 FOR UPDATE")
        .bind(&sids[1].as_bytes()[..])
        .execute(&mut *locked)
        .await
        .expect("it is free");
    let first = first(Arc::clone(&store)).await;
    until("the first waits", || (waiting(server) == 1).then_some(()));
    let second = second(Arc::clone(&store)).await;
    until("the second waits, or need not", || {
        (waiting(server) == 2 || second.is_finished()).then_some(())
    });
    locked.commit().await.expect("it runs");
    first.await.expect("it does not fail");
    second.await.expect("it does not fail");
}

async fn revokes(store: Arc<PostgresStore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        store.revoke_subject("ada").await.expect("nobody is in its way for long");
    })
}

async fn amends(store: Arc<PostgresStore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        store.update_subject("ada", b"{}").await.expect("nobody is in its way for long");
    })
}

async fn sweeps(store: Arc<PostgresStore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        store.sweep(now(), 100).await.expect("it waits for nobody");
    })
}

/// At a time at which all of them last: each has to go.
async fn evicts(store: Arc<PostgresStore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let limit = SignInLimit {
            max: 1.try_into().expect("not 0"),
            when_full: OverflowPolicy::EvictOldest,
        };
        let mut record = draft(&*store, Some("ada")).1;
        record.created_at = now().before(Duration::from_secs(60));
        store.create(record, Some(limit)).await.expect("nobody is in its way for long");
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_meet_do_not_wait_for_each_other() {
    let server = PostgresServer::start();
    both_end(&server, revokes, sweeps).await;
    both_end(&server, amends, sweeps).await;
    both_end(&server, revokes, evicts).await;
    both_end(&server, evicts, revokes).await;
    both_end(&server, amends, revokes).await;
}
