//! The conformance suite over SQLite, which needs no server, so that it runs with `cargo test`.
//! What all databases have in common is tested in `tests/sql`.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth_core::SignInId;
use auth_servers::Scratch;
use auth_store::{SqliteStore, Store, StoreErrorKind, conformance};
use sqlx::{Connection, Executor, SqliteConnection};

/// Lets the suite's many concurrent steps wait for each other.
const TIMEOUT: Duration = Duration::from_secs(20);

static FOLDER: LazyLock<Scratch> = LazyLock::new(Scratch::until_the_end);

/// Returns an empty store in a file of its own.
async fn empty_store() -> SqliteStore {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let url = format!("sqlite://{}/{number}.db", FOLDER.path().display());
    let store = SqliteStore::builder(url).timeout(TIMEOUT).migrate().connect().await;
    store.expect("the file can be created")
}

mod store {
    use super::*;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> SqliteStore {
            empty_store().await
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_changes_are_durable() {
    let url = format!("sqlite://{}/durable.db", FOLDER.path().display());
    let open = async || {
        let store = SqliteStore::builder(url.clone()).migrate().connect().await;
        store.expect("the file can be opened again")
    };
    conformance::check_durability(open).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_records_can_be_ended() {
    let url = format!("sqlite://{}/unreadable.db", FOLDER.path().display());
    let store = SqliteStore::builder(url.clone()).timeout(TIMEOUT).migrate().connect().await;
    let damage = async |id: &SignInId| {
        let mut file = SqliteConnection::connect(&url).await.expect("it is a database");
        let digits: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let damage = format!("UPDATE auth_sign_ins SET kind = 99 WHERE sid = x'{digits}'");
        file.execute(&*damage).await.expect("the columns exist");
    };
    conformance::check_unreadable(store.expect("it opens"), damage).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_is_unavailable() {
    let store = empty_store().await;
    store.close().await.expect("nothing is under way");
    let error = store.load(&SignInId::from_bytes([1; 16])).await.expect_err("it is closed");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

/// A node never reads a stale copy of what it changed itself.
mod near_cache {
    use auth_store::near_cache::NearCache;

    use super::*;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> NearCache<SqliteStore> {
            let cache = NearCache::<SqliteStore>::builder();
            cache.with_ttl(empty_store().await, Duration::from_secs(60))
        }
    }
}

/// Rows that another program, or a pooler that mixes clients, could return.
mod rows {
    use auth_core::Clock;
    use auth_store::{Deadlines, Lifetime, Record, Secret, SecretKind};
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    use tokio::runtime::Handle;
    use tokio::task::block_in_place;

    use super::*;

    const COLUMNS: &str = "version last_seen created_at authenticated_at idle_secs ends_at due_at kind \
                           persistence family verifier subject grace details principal data";

    /// Returns a value of any type, as an SQL literal.
    fn value() -> impl Strategy<Value = String> {
        let blob = prop::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        });
        prop_oneof![
            (-9_223_372_036_854_775_807..=i64::MAX).prop_map(|int| int.to_string()),
            (0..300_i64).prop_map(|int| int.to_string()),
            any::<i32>().prop_map(|int| format!("{int}.5")),
            "[a-z0-9\u{e9}]{0,20}".prop_map(|text| format!("'{text}'")),
            blob,
        ]
    }

    async fn sign_in(store: &SqliteStore) -> SignInId {
        let id = store.new_id(Some("ada")).expect("randomness");
        let (kind, now) = (SecretKind::Cookie, Clock::system().now());
        let digests = Secret::generate(id).expect("randomness").digests(kind);
        let deadlines = Deadlines::starting(Lifetime::default(), now);
        let record = Record::new(id, kind, digests, Some("ada".into()), deadlines, now);
        store.create(record, None).await.expect("the file is writable");
        id
    }

    /// Changes the row of a sign-in. It is read or refused, and can be ended like the one beside it.
    async fn check(store: &SqliteStore, file: &mut SqliteConnection, changes: &[(&str, String)]) {
        let (id, other) = (sign_in(store).await, sign_in(store).await);
        let set: Vec<_> =
            changes.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        let digits: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let update = format!("UPDATE auth_sign_ins SET {} WHERE sid = x'{digits}'", set.join(", "));
        file.execute(&*update).await.expect("the columns exist");
        if let Ok(loaded) = store.load(&id).await {
            assert_eq!(loaded.expect("it was not deleted").id, id);
        }
        let _ = store.list("ada").await;
        assert!(store.load(&other).await.expect("its row is as it was").is_some());
        assert!(store.delete(&id).await.expect("no record is decoded"));
        assert!(store.delete(&other).await.expect("no record is decoded"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_row_of_any_values_is_read_or_refused_and_can_be_ended() {
        let url = format!("sqlite://{}/rows.db", FOLDER.path().display());
        let store = SqliteStore::builder(url.clone()).migrate().connect().await;
        let store = store.expect("the file can be created");
        let mut file = SqliteConnection::connect(&url).await.expect("it is a database");
        let columns: Vec<_> = COLUMNS.split_whitespace().collect();
        let changes = prop::collection::vec((prop::sample::select(columns), value()), 1..5);
        let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
        let runtime = Handle::current();
        let file = std::cell::RefCell::new(&mut file);
        let checked = block_in_place(|| {
            TestRunner::new(config).run(&changes, |changes| {
                runtime.block_on(check(&store, &mut file.borrow_mut(), &changes));
                Ok(())
            })
        });
        checked.unwrap_or_else(|failed| panic!("{failed}"));
    }
}
