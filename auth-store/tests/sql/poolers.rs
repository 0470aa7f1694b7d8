//! Connection poolers between the store and PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use auth_servers::PgBouncer;
use auth_store::{PostgresStore, SqlSetupError, Store, StoreErrorKind};
use tokio::task::JoinSet;
use tracing::Level;

use crate::captured::Captured;
use crate::sign_in::sign_in;
use crate::stores::POSTGRES;
use crate::support::error_text::error_text;
use crate::support::outages::recovers;

const USERS: usize = 40;

/// The settings of a session that the store would change.
const SETTINGS: &str = "SELECT current_setting('statement_timeout'), \
                        current_setting('idle_in_transaction_session_timeout')";

#[tokio::test(flavor = "multi_thread")]
async fn sec_96_a_pooler_of_transactions_is_refused_and_keeps_nothing() {
    for mode in ["transaction", "statement"] {
        for settings in [&[][..], &["default_pool_size = 1"], &["server_round_robin = 1"]] {
            let database = POSTGRES.new_database();
            let pooler = PgBouncer::start(&POSTGRES, mode, settings);
            // With several sessions, the pooler chooses among them.
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| pooler.ask_in(&database, "SELECT pg_sleep(0.1)"));
                }
            });
            let before = pooler.ask_in(&database, SETTINGS);
            for builder in [
                PostgresStore::builder(pooler.url_of(&database)),
                PostgresStore::builder(pooler.url_of(&database)).migrate(),
                PostgresStore::builder(pooler.url_of(&database)).max_connections(1),
            ] {
                let error = builder.connect().await.expect_err("the sessions are shared");
                assert!(
                    matches!(error, SqlSetupError::SharedSessions),
                    "{mode} {settings:?}: {}",
                    error_text(&error)
                );
                assert!(error.to_string().contains("pool_mode = session"), "{error}");
            }
            for _ in 0..4 {
                assert_eq!(pooler.ask_in(&database, SETTINGS), before, "{mode} {settings:?}");
            }
            let tables = POSTGRES.ask_in(&database, "SELECT to_regclass('auth_sign_ins')");
            assert_eq!(tables, "", "nothing was migrated");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_of_sessions_is_accepted() {
    for (settings, connections) in [(&[][..], 10), (&["default_pool_size = 1"], 1)] {
        let database = POSTGRES.new_database();
        let pooler = PgBouncer::start(&POSTGRES, "session", settings);
        let builder = PostgresStore::builder(pooler.url_of(&database)).migrate();
        let captured = Captured::start();
        let store = builder.max_connections(connections).connect().await.expect("it is accepted");
        let skipped = usize::from(connections == 1);
        assert_eq!(captured.count(Level::WARN), skipped, "without a second connection");
        let sid = sign_in(&store, "ada").await;
        assert!(store.load(&sid).await.expect("it runs").is_some());
        drop(store);
        let after = pooler.ask_in(&database, SETTINGS);
        assert_eq!(after, POSTGRES.ask_in(&database, SETTINGS), "another client has the defaults");
    }
}

/// The nodes have prepared their statements in different orders: a statement that is found by a number
/// would be another one in the session of another node, such as one that ends a sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn sec_96_users_stay_signed_in_when_a_pooler_begins_to_mix_sessions() {
    let database = POSTGRES.new_database();
    let pooler = PgBouncer::start(&POSTGRES, "session", &["default_pool_size = 40"]);
    let direct = PostgresStore::builder(POSTGRES.url_of(&database)).migrate().connect().await;
    let direct = direct.expect("it runs");
    let node = async || {
        let builder = PostgresStore::builder(pooler.url_of(&database));
        Arc::new(builder.connect().await.expect("it pools sessions"))
    };
    let (here, there) = (node().await, node().await);
    let mut users = Vec::new();
    for number in 0..USERS {
        let name = format!("user-{number}");
        users.push((sign_in(&direct, &name).await, name));
    }
    for (id, name) in &users[..8] {
        let other = sign_in(&*there, "eve").await;
        there.delete(&other).await.expect("it runs");
        assert!(here.load(id).await.expect("it runs").is_some());
        assert_eq!(here.list(name).await.expect("it runs").len(), 1);
    }

    pooler.set_pool_mode("transaction");
    let mut tasks = JoinSet::new();
    for (id, name) in users.clone() {
        let (here, there) = (Arc::clone(&here), Arc::clone(&there));
        tasks.spawn(async move {
            let mut failures = 0;
            for _ in 0..20 {
                match here.load(&id).await {
                    Ok(found) => assert_eq!(found.expect("it is signed in").id, id),
                    Err(error) => {
                        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
                        failures += 1;
                    }
                }
                if let Ok(list) = here.list(&name).await {
                    assert!(list.iter().any(|record| record.id == id), "{list:?}");
                }
                // Others come and go.
                let other = there.new_id(None).expect("randomness");
                let _ = there.delete(&other).await;
                let _ = there.revoke_subject("nobody").await;
            }
            failures
        });
    }
    let mut failures = 0;
    while let Some(ended) = tasks.join_next().await {
        failures += ended.expect("no task panics");
    }
    for (id, _) in &users {
        assert!(direct.load(id).await.expect("it runs").is_some(), "a user was signed out");
    }
    assert!(failures > 0, "the sessions were mixed");

    pooler.set_pool_mode("session");
    recovers(&*here, Duration::from_secs(10)).await;
}
