//! Answers that are lost after the step was taken.

use std::time::Duration;

use async_trait::async_trait;
use auth_servers::{Proxy, RedisServer};
use auth_store::near_cache::NearCache;
use auth_store::{
    CompareAndSwap, OverflowPolicy, RedisStore, Secret, SignInLimit, Store, StoreErrorKind,
    conformance, forward_store,
};

use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};
use crate::stores::builder;

/// A store that reaches its server through a proxy.
struct Proxied {
    store: RedisStore,
    proxy: Proxy,
    _server: RedisServer,
}

async fn proxied() -> Proxied {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let store = builder(url).connect().await.expect("the server runs");
    load_the_scripts(&store).await;
    Proxied { store, proxy, _server: server }
}

/// Takes each step once, so that the answer that is lost later is not that of an unknown script.
async fn load_the_scripts(store: &RedisStore) {
    let id = sign_in(store, "bob").await;
    store.update(&id, 0, data("[]")).await.expect("it runs");
    let digests = Secret::generate(id).expect("randomness").digests(KIND);
    store.rotate(&id, &digests.current, rotation(digests)).await.expect("it is stale");
    store.touch(&id, now()).await.expect("it runs");
    store.update_subject("bob", b"{}").await.expect("it runs");
    store.list("bob").await.expect("it runs");
    store.delete(&id).await.expect("it runs");
    store.revoke("bob", &id).await.expect("it runs");
    store.revoke_subject("bob").await.expect("it runs");
}

/// Opens all connections, so that the answer that is lost is not that of a login.
async fn connect_all(store: &RedisStore) {
    let unknown = store.new_id(None).expect("randomness");
    assert!(!store.delete(&unknown).await.expect("it runs"));
    store.list("bob").await.expect("it runs");
}

/// Loses the answer of a step. The steps that follow use a new connection.
macro_rules! lost {
    ($proxied:ident, $step:expr) => {{
        connect_all(&$proxied.store).await;
        $proxied.proxy.lose(1);
        let error = $step.await.expect_err("the answer is lost");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert_eq!($proxied.proxy.left(), 0);
    }};
}

#[tokio::test]
async fn a_step_whose_answer_was_lost_is_taken_once() {
    let proxied = proxied().await;
    let store = &proxied.store;
    let (secret, record) = draft(store, Some("ada"));
    let id = record.id;

    lost!(proxied, store.create(record, None));
    let record = store.load(&id).await.expect("it runs").expect("it was created");
    assert_eq!(record.version, 0);

    lost!(proxied, store.update(&id, 0, data("[1]")));
    let record = store.load(&id).await.expect("it runs").expect("it is there");
    assert_eq!((record.version, &record.data), (1, &data("[1]")), "taken once");

    let next = Secret::generate(id).expect("randomness").digests(KIND);
    lost!(proxied, store.rotate(&id, &secret.digests(KIND).current, rotation(next)));
    let record = store.load(&id).await.expect("it runs").expect("it is there");
    assert_eq!((record.version, record.current), (2, next.current));

    lost!(proxied, store.update_subject("ada", b"{}"));
    let record = store.load(&id).await.expect("it runs").expect("it is there");
    assert_eq!(record.version, 3, "once");

    lost!(proxied, store.delete(&id));
    assert!(store.load(&id).await.expect("it runs").is_none());
}

/// A second attempt would evict the sign-in of the first.
#[tokio::test]
async fn a_sign_in_whose_answer_was_lost_evicts_once() {
    let proxied = proxied().await;
    let store = &proxied.store;
    let limit =
        SignInLimit { max: 2.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let mut older = draft(store, Some("ada")).1;
    older.created_at = now().before(Duration::from_secs(1));
    let old = older.id;
    store.create(older, None).await.expect("it runs");
    let kept = sign_in(store, "ada").await;
    let new = draft(store, Some("ada")).1;
    lost!(proxied, store.create(new.clone(), Some(limit)));
    let listed: Vec<_> =
        store.list("ada").await.expect("it runs").iter().map(|record| record.id).collect();
    assert!(!listed.contains(&old) && listed.contains(&kept) && listed.contains(&new.id));
}

/// A step that has the same effect twice is repeated, so that the caller gets an answer.
#[tokio::test]
async fn a_read_whose_answer_was_lost_is_repeated() {
    let proxied = proxied().await;
    let store = &proxied.store;
    let id = sign_in(store, "ada").await;
    proxied.proxy.lose(1);
    assert!(store.load(&id).await.expect("it is repeated").is_some());
    proxied.proxy.lose(1);
    assert_eq!(store.list("ada").await.expect("it is repeated").len(), 1);
    proxied.proxy.lose(1);
    store.touch(&id, now()).await.expect("it is repeated");
    assert_eq!(proxied.proxy.left(), 0);
}

/// A connection that was closed while idle is not used, so the next step succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_closed_while_idle_fails_no_step() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = builder(server.url()).connect().await.expect("the server runs");
    let id = sign_in(&store, "ada").await;
    server.kill();
    server.start_again();
    assert!(matches!(store.update(&id, 0, data("[1]")).await, Ok(CompareAndSwap::Stored(_))));
    server.kill();
    server.start_again();
    assert!(store.delete(&id).await.expect("on a new connection"));
}

/// A store that reports changes, and that reaches its server through a proxy.
struct Watched {
    near: NearCache<RedisStore>,
    proxy: Proxy,
    _server: RedisServer,
}

#[async_trait]
impl Store for Watched {
    forward_store!(self => self.near);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_completes_at_an_end_whose_answer_was_lost() {
    let fresh = async || {
        let Proxied { store, proxy, _server } = proxied().await;
        connect_all(&store).await;
        let near = NearCache::<RedisStore>::builder().build(store);
        while near.stats().lease.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Watched { near, proxy, _server }
    };
    let lose = |watched: &Watched, loses| watched.proxy.lose(if loses { usize::MAX } else { 0 });
    conformance::check_lost_answers(fresh, lose).await.assert_passed();
}
