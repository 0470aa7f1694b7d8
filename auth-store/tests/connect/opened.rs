//! URLs at which there is a store.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use auth_core::{Clock, SignInId};
use auth_servers::{MariaDbServer, PostgresServer, RedisServer, Scratch};
use auth_store::near_cache::NearCacheBuilder;
use auth_store::{
    ConnectError, ConnectOptions, Deadlines, Lifetime, Peek, Record, Secret, SecretDigests,
    SecretKind, SqlSetupError, Store, connect,
};
use tokio::time::sleep;

static POSTGRES: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);
static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(MariaDbServer::start);
static REDIS: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);
static FOLDER: LazyLock<Scratch> = LazyLock::new(Scratch::until_the_end);

fn postgres() -> String {
    POSTGRES.url_of(&POSTGRES.new_database())
}

fn mariadb() -> String {
    MARIADB.url_of(&MARIADB.new_database())
}

fn sqlite(name: &str) -> String {
    format!("sqlite:{}", FOLDER.path().join(name).display())
}

async fn sign_in(store: &dyn Store) -> SignInId {
    let (sid, now) = (store.new_id(Some("ada")).unwrap(), Clock::system().now());
    let digests: SecretDigests = Secret::generate(sid).unwrap().digests(SecretKind::Cookie);
    let limits = Deadlines::starting(Lifetime::AAL1, now);
    let record = Record::new(sid, SecretKind::Cookie, digests, Some("ada".into()), limits, now);
    store.create(record, None).await.unwrap();
    sid
}

/// What the store itself can say of a sign-in that was just loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Known,
    Copy,
    Nothing,
}

async fn says(store: &dyn Store, sid: &SignInId) -> Says {
    assert!(store.load(sid).await.unwrap().is_some());
    let mut says = Says::Nothing;
    store.peek(sid, &mut |peek| {
        says = match peek {
            Peek::Miss => Says::Nothing,
            Peek::Cached(_) => Says::Copy,
            Peek::Authoritative(_) => Says::Known,
        };
    });
    says
}

/// Asks until there is a copy: a near cache has none before it hears of changes.
async fn comes_to_copy(store: &dyn Store, sid: &SignInId) -> bool {
    let clock = Clock::system();
    let start = clock.monotonic();
    while clock.monotonic() - start < Duration::from_secs(20) {
        if says(store, sid).await == Says::Copy {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scheme_leads_to_its_store() {
    let (postgres, mariadb) = (postgres(), mariadb());
    let [postgresql, mysql] = [
        postgres.replace("postgres://", "postgresql://"),
        mariadb.replace("mysql://", "mariadb://"),
    ];
    for (url, other) in [
        (REDIS.url(), REDIS.url()),
        (postgres, postgresql),
        (mariadb, mysql),
        (sqlite("each.db"), sqlite("each.db").replace("sqlite:", "sqlite://")),
    ] {
        let sid = sign_in(&*ConnectOptions::new(&*url).migrate().connect().await.unwrap()).await;
        let store = connect(&other).await.unwrap();
        assert_eq!(says(&*store, &sid).await, Says::Nothing, "{other}: no near cache by itself");
    }
    let memory = connect("memory:").await.unwrap();
    assert_eq!(says(&*memory, &sign_in(&*memory).await).await, Says::Known);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_only_if_that_was_asked_for() {
    for url in [postgres(), mariadb()] {
        let Err(ConnectError::Store { error }) = connect(&url).await else { panic!("no tables") };
        let error = error.downcast_ref::<SqlSetupError>();
        assert!(matches!(error, Some(SqlSetupError::NotMigrated)), "{error:?}");
        let migrated = || ConnectOptions::new(&*url).migrate().connect();
        let (first, second) = tokio::join!(migrated(), migrated());
        first.and(second).unwrap();
        connect(&url).await.unwrap();
    }
    let url = sqlite("none.db");
    assert!(matches!(connect(&url).await, Err(ConnectError::Store { .. })), "there is no file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_near_cache_is_in_front_of_what_announces() {
    for url in [REDIS.url(), postgres()] {
        let near = NearCacheBuilder::default().max_staleness(Duration::from_millis(500));
        let stale = Duration::from_secs(3600);
        let here = ConnectOptions::new(&*url).migrate().near_cache(near).with_ttl(stale);
        let (here, there) = (here.connect().await.unwrap(), connect(&url).await.unwrap());
        let sid = sign_in(&*there).await;
        assert!(comes_to_copy(&*here, &sid).await);
        // It goes by what it hears, and not by what may be stale.
        there.delete(&sid).await.unwrap();
        let gone = async {
            let mut copied = true;
            while copied {
                copied = false;
                here.peek(&sid, &mut |peek| copied = matches!(peek, Peek::Cached(_)));
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it is heard of");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_announces_nothing_has_a_near_cache_only_if_copies_may_be_stale() {
    for url in [mariadb(), sqlite("stale.db")] {
        let to = || ConnectOptions::new(&*url).migrate();
        let asked: Arc<dyn Store> =
            to().near_cache(NearCacheBuilder::default()).connect().await.unwrap();
        let sid = sign_in(&*asked).await;
        assert_eq!(says(&*asked, &sid).await, Says::Nothing);
        let stale = to().with_ttl(Duration::from_secs(3600)).connect().await.unwrap();
        assert_eq!(says(&*stale, &sid).await, Says::Copy);
    }
}
