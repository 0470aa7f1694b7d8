//! Configurations that the store rejects, and the end of its connections.

use auth_core::SignInId;
use auth_servers::{RedisServer, until};
use auth_store::near_cache::NearCache;
use auth_store::{RedisSetupError, RedisStore, Store, StoreErrorKind};

use crate::sign_in::{now, sign_in};
use crate::stores::builder;
use crate::support::error_text::error_text;

#[tokio::test]
async fn a_wrong_password_is_an_error_without_the_password() {
    let server = RedisServer::with_password("the-right-one");
    builder(server.url()).connect().await.expect("the right password");
    for login in [":hunter2-wrong@", "ada:hunter2-wrong@", ""] {
        let url = format!("redis://{login}127.0.0.1:{}", server.port());
        let error = builder(url).connect().await.expect_err("the wrong password");
        assert!(matches!(error, RedisSetupError::Authentication(_)), "{error:?}");
        let text = error_text(&error);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_user_of_an_access_list_connects() {
    let server = RedisServer::start();
    let user = ["ACL", "SETUSER", "ada", "on", ">p@ss:word", "~*", "&*", "+@all"];
    let _ = server.ask(&user);
    let url = format!("redis://ada:p%40ss%3Aword@127.0.0.1:{}", server.port());
    let store = builder(url).connect().await.expect("the user has the rights");
    sign_in(&store, "bob").await;
    assert!(!format!("{store:?}").contains("p@ss"));
}

#[tokio::test]
async fn a_server_that_evicts_is_rejected() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = RedisServer::with(&["--maxmemory-policy", policy]);
        let error = builder(server.url()).connect().await.expect_err("it evicts");
        assert!(error_text(&error).contains(policy), "{error}");
        let allowed = builder(server.url()).insecure_allow_eviction();
        let store = allowed.connect().await.expect("it is allowed");
        sign_in(&store, "ada").await;
    }
}

#[tokio::test]
async fn the_eviction_policy_is_read_from_info_without_config() {
    let server = RedisServer::with(&["--maxmemory-policy", "allkeys-lru"]);
    let user = ["ACL", "SETUSER", "ada", "on", ">pw", "~*", "&*", "+@all", "-config"];
    let _ = server.ask(&user);
    let url = format!("redis://ada:pw@127.0.0.1:{}", server.port());
    let error = builder(url.clone()).connect().await.expect_err("INFO shows that it evicts");
    assert!(matches!(error, RedisSetupError::Eviction { .. }), "{error:?}");

    // Hosted servers may show nothing.
    let _ = server.ask(&["ACL", "SETUSER", "ada", "-@dangerous"]);
    let store = builder(url).connect().await.expect("the policy is unknown");
    let id = sign_in(&store, "bob").await;
    assert!(store.delete(&id).await.expect("the server runs"), "without ROLE");
    store.sweep(now(), 10).await.expect("the server runs");
}

#[tokio::test]
async fn errors_name_what_is_wrong() {
    for (url, named) in [
        ("postgres://:hunter2@localhost", "scheme"),
        ("redis://:hunter2@localhost:port", "port"),
        ("redis+sentinel://:hunter2@localhost", "service"),
        ("redis://:hunter2@127.0.0.1:1", "not reached"),
    ] {
        let error = RedisStore::connect(url).await.expect_err("nothing is there");
        let text = error_text(&error);
        assert!(text.contains(named) && !text.contains("hunter2"), "{text}");
    }
    let braces = RedisStore::builder("redis://localhost").prefix("{auth}:").connect().await;
    assert!(matches!(braces, Err(RedisSetupError::Prefix)));
    let shown = format!("{:?}", RedisStore::builder("redis://ada:hunter2@localhost"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_has_no_connections() {
    let server = RedisServer::start();
    let cache = NearCache::new(builder(server.url()).connect().await.expect("it runs"));
    let id = sign_in(&cache, "ada").await;
    cache.delete(&id).await.expect("it runs"); // on a connection of its own
    let connections = || server.info("clients", "connected_clients").expect("it runs");
    until("it is subscribed", || (connections() == "4").then_some(()));

    cache.close().await.expect("nothing is under way");

    until("its connections are closed", || (connections() == "1").then_some(()));
    let unknown = SignInId::from_bytes([1; 16]);
    let error = cache.load(&unknown).await.expect_err("it is closed");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(connections(), "1", "only that of this test");
}
