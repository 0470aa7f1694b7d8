//! Answers that are lost on their way, after the step was taken.

use std::time::Duration;

use auth_servers::{Proxy, RedisServer};
use auth_store::{
    CompareAndSwap, OverflowPolicy, RedisStore, Secret, SignInLimit, Store, StoreErrorKind,
};

use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};
use crate::stores::builder;

struct Line {
    store: RedisStore,
    proxy: Proxy,
    _server: RedisServer,
}

async fn line() -> Line {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let store = builder(url).connect().await.expect("the server runs");
    know_the_scripts(&store).await;
    Line { store, proxy, _server: server }
}

/// What is lost later is not the answer that a script is unknown, after which nothing was done.
async fn know_the_scripts(store: &RedisStore) {
    let sid = sign_in(store, "bob").await;
    store.update(&sid, 0, data("[]")).await.expect("it runs");
    let digests = Secret::generate(sid).expect("randomness").digests(KIND);
    store.rotate(&sid, &digests.current, rotation(digests)).await.expect("it is stale");
    store.touch(&sid, now()).await.expect("it runs");
    store.update_subject("bob", b"{}").await.expect("it runs");
    store.list("bob").await.expect("it runs");
    store.delete(&sid).await.expect("it runs");
}

/// Has all connections open, so that what is lost is not the answer to a login.
async fn connected(store: &RedisStore) {
    let unknown = store.new_id(None).expect("randomness");
    assert!(!store.delete(&unknown).await.expect("it runs"));
    store.list("bob").await.expect("it runs");
}

/// The next answer is lost. What follows is asked on a new connection.
macro_rules! lost {
    ($line:ident, $step:expr) => {{
        connected(&$line.store).await;
        $line.proxy.lose(1);
        let error = $step.await.expect_err("the answer is lost");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert_eq!($line.proxy.left(), 0);
    }};
}

#[tokio::test]
async fn a_step_whose_answer_was_lost_is_taken_once() {
    let line = line().await;
    let store = &line.store;
    let (secret, record) = draft(store, Some("ada"));
    let sid = record.sid;

    lost!(line, store.create(record, None));
    let record = store.load(&sid).await.expect("it runs").expect("it was created");
    assert_eq!(record.version, 0);

    lost!(line, store.update(&sid, 0, data("[1]")));
    let record = store.load(&sid).await.expect("it runs").expect("it is there");
    assert_eq!((record.version, &record.data), (1, &data("[1]")), "once, and not stale");

    let next = Secret::generate(sid).expect("randomness").digests(KIND);
    lost!(line, store.rotate(&sid, &secret.digests(KIND).current, rotation(next)));
    let record = store.load(&sid).await.expect("it runs").expect("it is there");
    assert_eq!((record.version, record.current), (2, next.current));

    lost!(line, store.update_subject("ada", b"{}"));
    let record = store.load(&sid).await.expect("it runs").expect("it is there");
    assert_eq!(record.version, 3, "once");

    lost!(line, store.delete(&sid));
    assert!(store.load(&sid).await.expect("it runs").is_none());
}

/// A second try would evict the one that the first has let in.
#[tokio::test]
async fn a_sign_in_whose_answer_was_lost_evicts_once() {
    let line = line().await;
    let store = &line.store;
    let limit =
        SignInLimit { max: 2.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let mut older = draft(store, Some("ada")).1;
    older.created_at = now().before(Duration::from_secs(1));
    let old = older.sid;
    store.create(older, None).await.expect("it runs");
    let kept = sign_in(store, "ada").await;
    let new = draft(store, Some("ada")).1;
    lost!(line, store.create(new.clone(), Some(limit)));
    let listed: Vec<_> =
        store.list("ada").await.expect("it runs").iter().map(|record| record.sid).collect();
    assert!(!listed.contains(&old) && listed.contains(&kept) && listed.contains(&new.sid));
}

/// What is the same twice is asked twice, so that nobody hears of it.
#[tokio::test]
async fn a_look_whose_answer_was_lost_is_repeated() {
    let line = line().await;
    let store = &line.store;
    let sid = sign_in(store, "ada").await;
    line.proxy.lose(1);
    assert!(store.load(&sid).await.expect("it is asked again").is_some());
    line.proxy.lose(1);
    assert_eq!(store.list("ada").await.expect("it is asked again").len(), 1);
    line.proxy.lose(1);
    store.touch(&sid, now()).await.expect("it is asked again");
    assert_eq!(line.proxy.left(), 0);
}

/// An idle connection that was cut is not used: the first step after it is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_cut_while_idle_costs_no_step() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = builder(server.url()).connect().await.expect("the server runs");
    let sid = sign_in(&store, "ada").await;
    server.kill();
    server.start_again();
    assert!(matches!(store.update(&sid, 0, data("[1]")).await, Ok(CompareAndSwap::Stored(_))));
    server.kill();
    server.start_again();
    assert!(store.delete(&sid).await.expect("on a new connection"));
}
