//! URLs that open a store.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use auth_core::{Clock, SignInId};
use auth_servers::{MariaDbServer, MongoServer, PostgresServer, RedisServer, Scratch};
use auth_store::near_cache::NearCacheBuilder;
use auth_store::{
    ConnectError, ConnectOptions, Deadlines, Lifetime, MongoSetupError, Peek, Record, Secret,
    SecretDigests, SecretKind, SqlSetupError, Store, connect,
};
use tokio::time::sleep;

static POSTGRES: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);
static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(MariaDbServer::start);
static MONGODB: LazyLock<MongoServer> = LazyLock::new(MongoServer::start);
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
    let (id, now) = (store.new_id(Some("ada")).unwrap(), Clock::system().now());
    let digests: SecretDigests = Secret::generate(id).unwrap().digests(SecretKind::Cookie);
    let deadlines = Deadlines::starting(Lifetime::AAL1, now);
    let record = Record::new(id, SecretKind::Cookie, digests, Some("ada".into()), deadlines, now);
    store.create(record, None).await.unwrap();
    id
}

/// What `peek` returns for a sign-in that was just loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peeked {
    Authoritative,
    Cached,
    Miss,
}

async fn load_and_peek(store: &dyn Store, id: &SignInId) -> Peeked {
    assert!(store.load(id).await.unwrap().is_some());
    let mut peeked = Peeked::Miss;
    store.peek(id, &mut |peek| {
        peeked = match peek {
            Peek::Miss => Peeked::Miss,
            Peek::Cached(_) => Peeked::Cached,
            Peek::Authoritative(_) => Peeked::Authoritative,
        };
    });
    peeked
}

/// Waits until the near cache serves the sign-in, which it does only while it listens.
async fn is_eventually_cached(store: &dyn Store, id: &SignInId) -> bool {
    let clock = Clock::system();
    let start = clock.monotonic();
    while clock.monotonic() - start < Duration::from_secs(20) {
        if load_and_peek(store, id).await == Peeked::Cached {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scheme_opens_its_store() {
    let (postgres, mariadb, mongodb) = (postgres(), mariadb(), MONGODB.url_of_new());
    let [postgresql, mysql] = [
        postgres.replace("postgres://", "postgresql://"),
        mariadb.replace("mysql://", "mariadb://"),
    ];
    for (url, other) in [
        (REDIS.url(), REDIS.url()),
        (mongodb.clone(), mongodb),
        (postgres, postgresql),
        (mariadb, mysql),
        (sqlite("each.db"), sqlite("each.db").replace("sqlite:", "sqlite://")),
    ] {
        let id = sign_in(&*ConnectOptions::new(&*url).migrate().connect().await.unwrap()).await;
        let store = connect(&other).await.unwrap();
        assert_eq!(
            load_and_peek(&*store, &id).await,
            Peeked::Miss,
            "{other}: no near cache by default"
        );
    }
    let memory = connect("memory:").await.unwrap();
    assert_eq!(load_and_peek(&*memory, &sign_in(&*memory).await).await, Peeked::Authoritative);
}

/// The options of the URLs that hosting providers hand out, and of other drivers.
#[tokio::test(flavor = "multi_thread")]
async fn options_with_an_effect_are_understood() {
    let (postgres, mariadb) = (postgres(), mariadb());
    for (url, options) in [
        (&postgres, "connect_timeout=10&application_name=shop&target_session_attrs=read-write"),
        (&postgres, "sslmode=disable&channel_binding=prefer&keepalives=1&keepalives_idle=30"),
        (&postgres, "options=-c%20geqo%3Doff&client_encoding=UTF8&gssencmode=disable&sslsni=1"),
        (&postgres, "fallback_application_name=shop&search_path=public&pgbouncer=false"),
        (&mariadb, "ssl-mode=DISABLED&connect_timeout=10&reconnect=true"),
        (&mariadb, "sslmode=DISABLED&charset=utf8mb4&parseTime=true&serverTimezone=UTC"),
        (&sqlite("options.db"), "mode=rwc&cache=private&immutable=0"),
    ] {
        let url = format!("{url}?{options}");
        let store = ConnectOptions::new(&*url).migrate().connect().await.expect(&url);
        let sid = sign_in(&*store).await;
        assert!(store.load(&sid).await.unwrap().is_some(), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_created_only_on_request() {
    for url in [postgres(), mariadb()] {
        let Err(ConnectError::Store { error }) = connect(&url).await else {
            panic!("the tables are missing")
        };
        let error = error.downcast_ref::<SqlSetupError>();
        assert!(matches!(error, Some(SqlSetupError::NotMigrated)), "{error:?}");
        let migrated = || ConnectOptions::new(&*url).migrate().connect();
        let (first, second) = tokio::join!(migrated(), migrated());
        first.and(second).unwrap();
        connect(&url).await.unwrap();
    }
    let url = MONGODB.url_of_new();
    let Err(ConnectError::Store { error }) = connect(&url).await else {
        panic!("the indexes are missing")
    };
    let error = error.downcast_ref::<MongoSetupError>();
    assert!(matches!(error, Some(MongoSetupError::NotMigrated)), "{error:?}");
    let url = sqlite("none.db");
    assert!(matches!(connect(&url).await, Err(ConnectError::Store { .. })), "the file is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_near_cache_works_in_front_of_stores_that_announce() {
    for url in [REDIS.url(), postgres()] {
        let near = NearCacheBuilder::default().max_staleness(Duration::from_millis(500));
        let ttl = Duration::from_secs(3600);
        let here = ConnectOptions::new(&*url).migrate().near_cache(near).with_ttl(ttl);
        let (here, there) = (here.connect().await.unwrap(), connect(&url).await.unwrap());
        let id = sign_in(&*there).await;
        assert!(is_eventually_cached(&*here, &id).await);
        // The cache relies on announcements rather than on the TTL.
        there.delete(&id).await.unwrap();
        let removed = async {
            let mut copied = true;
            while copied {
                copied = false;
                here.peek(&id, &mut |peek| copied = matches!(peek, Peek::Cached(_)));
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), removed).await.expect("the end is announced");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_do_not_announce_have_a_near_cache_only_with_a_ttl() {
    for url in [mariadb(), MONGODB.url_of_new(), sqlite("stale.db")] {
        let options = || ConnectOptions::new(&*url).migrate();
        let without_ttl: Arc<dyn Store> =
            options().near_cache(NearCacheBuilder::default()).connect().await.unwrap();
        let id = sign_in(&*without_ttl).await;
        assert_eq!(load_and_peek(&*without_ttl, &id).await, Peeked::Miss);
        let with_ttl = options().with_ttl(Duration::from_secs(3600)).connect().await.unwrap();
        assert_eq!(load_and_peek(&*with_ttl, &id).await, Peeked::Cached);
    }
}
