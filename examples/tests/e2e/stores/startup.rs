//! A shop that cannot use its store exits with an error, which does not contain the password.

use std::thread;

use auth_servers::{MariaDbServer, PostgresServer, RedisServer};

use crate::command_line::rejection;
use crate::harness::{CACHE_MODES, Scratch, Server, Service, Shop, shop_at, sqlite_url, until};

/// The password in all URLs of this file. No message may contain it.
const PASSWORD: &str = "hunter2";

/// Checks that the shop rejects this URL, and that the message contains these texts.
fn assert_rejected(url: &str, expected: &[&str]) {
    for options in CACHE_MODES {
        let message = rejection(&[&["--store", url], options].concat());
        assert!(message.contains("--store"), "{message}");
        assert!(expected.iter().all(|text| message.contains(text)), "{url}: {message}");
        assert!(!message.contains(PASSWORD), "{message}");
    }
}

#[test]
fn an_invalid_database_url_is_rejected() {
    for (url, expected) in [
        ("sqlite::memory:", "name a file"),
        ("sqlite:/nowhere/shop.db", "unable to open database file"),
        ("postgres://ada:hunter2@localhost:port/shop", "database is invalid"),
        ("postgres://ada:hunter2@127.0.0.1:1/shop", "not reached"),
        ("mysql://ada:hunter2@127.0.0.1:1/shop", "not reached"),
        ("mariadb://ada:hunter2@127.0.0.1:1/shop", "not reached"),
        ("mongodb://ada:hunter2@127.0.0.1:1/shop", "not reached"),
        ("mongodb://ada:hunter2@127.0.0.1:1/shop?w=1", "majority"),
        ("postgress://ada:hunter2@localhost/shop", "postgres:"),
    ] {
        assert_rejected(url, &[expected]);
    }
}

#[test]
fn an_invalid_redis_url_is_rejected() {
    for (url, expected) in [
        ("redis://ada:hunter2@localhost:port", "port"),
        ("redis://ada:hunter2", "port"),
        ("redis://hunter2@localhost", "user:password"),
        ("redis://:hunter2@a,b", "one host"),
        ("redis+sentinel://:hunter2@localhost", "service"),
        ("redis+cluster://:hunter2@localhost/7", "database"),
        ("redis+tcp://:hunter2@localhost", "redis+cluster:"),
        ("redi://:hunter2@localhost", "redis:"),
        ("hunter2", "memory:"),
    ] {
        assert_rejected(url, &[expected]);
    }
}

#[test]
fn an_unreachable_redis_is_reported() {
    for scheme in ["redis", "rediss", "redis+cluster"] {
        let url = format!("{scheme}://ada:hunter2@127.0.0.1:1");
        assert_rejected(&url, &["Redis was not reached", "refused"]);
    }
    assert_rejected("redis+sentinel://ada:hunter2@127.0.0.1:1/main", &["Redis was not reached"]);
}

#[test]
fn a_wrong_database_password_is_reported() {
    let (postgres, mariadb) = (PostgresServer::start(), MariaDbServer::start());
    for url in [postgres.url(), mariadb.url()] {
        let wrong = url.replace("wonderland", PASSWORD);
        assert_ne!(wrong, url);
        assert_rejected(&wrong, &["user", "password"]);
    }
}

#[test]
fn a_wrong_redis_password_is_reported_and_the_right_one_is_not_logged() {
    let mut redis = RedisServer::with_password(PASSWORD);
    for login in [":hunter2-wrong@", "ada:hunter2-wrong@", ""] {
        let url = format!("redis://{login}127.0.0.1:{}", redis.port());
        assert_rejected(&url, &["user", "password"]);
    }
    let url = redis.url();
    let shops =
        CACHE_MODES.map(|options| Shop::start_with(&[&["--store", &url], options].concat()));
    let devices = shops.each_ref().map(Shop::device);
    for device in &devices {
        assert_eq!(device.login("alice", "wonderland").status, 200);
    }
    redis.kill();
    for (shop, device) in shops.iter().zip(&devices) {
        until("the store is unavailable", || {
            (device.get("/me").send().status == 503).then_some(())
        });
        let output = shop.process.stdout() + &shop.process.stderr();
        assert!(!output.contains(PASSWORD), "{output}");
    }
}

fn gives_up_on_a_paused_server<S: Server>(url: impl FnOnce(&str) -> String, expected: &str) {
    let server = S::start();
    server.pause();
    assert_rejected(&url(&server.url()), &[expected]);
    server.resume();
}

#[test]
fn a_shop_gives_up_on_a_paused_database() {
    let with_password = |url: &str| url.replace("wonderland", PASSWORD);
    gives_up_on_a_paused_server::<PostgresServer>(with_password, "not reached");
    gives_up_on_a_paused_server::<MariaDbServer>(with_password, "not reached");
}

#[test]
fn a_shop_gives_up_on_a_paused_redis() {
    let with_password = |url: &str| url.replace("://", "://:hunter2@");
    gives_up_on_a_paused_server::<RedisServer>(with_password, "Redis was not reached");
}

#[test]
fn a_redis_that_may_evict_sign_ins_is_rejected() {
    let redis = RedisServer::with(&["--maxmemory-policy", "allkeys-lru"]);
    assert_rejected(&redis.url(), &["allkeys-lru", "noeviction"]);
}

/// Starts four shops at once. All create the tables, because the database is empty.
fn start_at_once(start: impl Fn() -> Shop + Sync) {
    thread::scope(|scope| {
        let starting: Vec<_> = (0..4).map(|_| scope.spawn(&start)).collect();
        for shop in starting {
            let shop = shop.join().unwrap();
            assert_eq!(shop.device().login("alice", "wonderland").status, 200);
        }
    });
}

#[test]
fn shops_that_start_at_once_can_all_create_the_tables() {
    let (postgres, mariadb) =
        (Service::<PostgresServer>::start(&[]), Service::<MariaDbServer>::start(&[]));
    // Creates the signing key first, so that the shops compete only for the tables.
    let folder = Scratch::new();
    drop(shop_at("memory:", &folder, &[]));
    start_at_once(|| shop_at(&postgres.server.url(), &folder, &[]));
    start_at_once(|| shop_at(&mariadb.server.url(), &folder, &[]));
    start_at_once(|| shop_at(&sqlite_url(&folder), &folder, &[]));
}
