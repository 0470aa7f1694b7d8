//! Replicas that confirm steps, and replicas that are promoted.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::{RedisCluster, RedisSentinels, RedisServer};
use auth_store::{RedisStore, Secret, Store, StoreErrorKind};

use crate::sign_in::{KIND, data, rotation, secret_of_sign_in, sign_in};
use crate::stores::builder;
use crate::support::outages::recovers;

/// Starts a replica, and waits until it is connected.
pub(crate) fn replica_of(primary: &RedisServer) -> RedisServer {
    let port = primary.port().to_string();
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &port]);
    auth_servers::until("the replica is connected", || {
        primary.info("replication", "slave0").filter(|line| line.contains("state=online"))
    });
    replica
}

/// Starts a primary with a replica, and connects a store.
pub(crate) async fn primary_with_replica() -> (RedisServer, RedisServer, RedisStore) {
    let primary = RedisServer::with(&["--repl-diskless-sync-delay", "0"]);
    let replica = replica_of(&primary);
    let store = builder(primary.url()).connect().await.expect("it runs");
    (primary, replica, store)
}

#[tokio::test]
async fn an_end_that_no_replica_confirms_is_unavailable() {
    let (primary, replica, store) = primary_with_replica().await;
    let secret = secret_of_sign_in(&store, "ada").await;
    let id = secret.id();
    let next = || rotation(Secret::generate(id).expect("randomness").digests(KIND));
    let from = secret.digests(KIND).current;
    store.rotate(&id, &from, next()).await.expect("it is confirmed");

    replica.hang();
    let clock = Clock::system();
    let start = clock.now();
    let error = store.revoke_subject("ada").await.expect_err("no replica confirms");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(clock.now().since(start) < Duration::from_secs(2));
    // It was done, and is not confirmed until a replica has it. A repeated step waits for that, too.
    let error = store.delete(&id).await.expect_err("no replica confirms");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    // Everything else goes on.
    let other = sign_in(&store, "ada").await;
    store.update(&other, 0, data("[]")).await.expect("it needs no replica");
    assert!(store.load(&other).await.expect("it runs").is_some());
    let without = builder(primary.url()).wait_for_replicas(0).connect().await.expect("it runs");
    let third = sign_in(&without, "bob").await;
    assert!(without.delete(&third).await.expect("it needs no replica"));

    replica.go_on();
    assert!(!store.delete(&id).await.expect("it is confirmed"), "it was ended before");
    assert!(store.delete(&other).await.expect("it is confirmed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced() {
    let mut servers = RedisSentinels::start();
    let store = builder(servers.url()).connect().await.expect("they run");
    let (kept, ended) = (sign_in(&store, "ada").await, sign_in(&store, "ada").await);
    assert!(store.delete(&ended).await.expect("they run"));

    let old = servers.primary();
    servers.servers[old].kill();
    recovers(&store, Duration::from_secs(20)).await;
    assert_ne!(servers.primary(), old);
    assert!(store.load(&ended).await.expect("they run").is_none(), "it stays ended");
    assert!(store.load(&kept).await.expect("they run").is_some());
    store.update(&kept, 0, data("[1]")).await.expect("they run");
    assert_eq!(store.revoke_subject("ada").await.expect("they run"), 1);
}

/// Connections to the old primary are not used any more when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_hung_primary_is_replaced() {
    let servers = RedisSentinels::start();
    let store = builder(servers.url()).connect().await.expect("they run");
    let old = servers.primary();
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(sign_in(&store, "ada").await);
    }
    let ends = ids.iter().take(10).map(|id| store.delete(id));
    for ended in join_all(ends).await {
        assert!(ended.expect("they run"));
    }
    servers.servers[old].hang();
    recovers(&store, Duration::from_secs(20)).await;
    assert_ne!(servers.primary(), old);
    servers.servers[old].go_on();
    for id in &ids[10..] {
        assert!(store.delete(id).await.expect("on the new primary"));
    }
    assert!(store.list("ada").await.expect("they run").is_empty());
}

/// Awaits all futures concurrently.
async fn join_all<T, F: Future<Output = T>>(all: impl Iterator<Item = F>) -> Vec<T> {
    let mut all: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in &mut all {
            if done.is_none()
                && let std::task::Poll::Ready(answer) = one.as_mut().poll(context)
            {
                *done = Some(answer);
            }
        }
        match all.iter().all(|(_, done)| done.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    all.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_of_a_cluster_is_replaced() {
    let mut servers = RedisCluster::start();
    let store = builder(servers.url()).connect().await.expect("they run");
    let mut ids = Vec::new();
    for number in 0..30 {
        let (kept, ended) =
            (sign_in(&store, &format!("user{number}")).await, sign_in(&store, "ada").await);
        assert!(store.delete(&ended).await.expect("they run"));
        ids.push((kept, ended));
    }
    // A step that waits for a replica also waits for everything that was written before it.
    for (number, (kept, _)) in ids.iter().enumerate() {
        let subject = format!("user{number}");
        assert_eq!(store.revoke_others(&subject, kept).await.expect("confirmed"), 0);
    }
    servers.servers[0].kill();
    let clock = Clock::system();
    let start = clock.now();
    for (kept, ended) in ids {
        loop {
            match (store.load(&kept).await, store.load(&ended).await) {
                (Ok(kept), Ok(ended)) => {
                    assert!(kept.is_some() && ended.is_none());
                    break;
                }
                (Err(error), _) | (_, Err(error)) => {
                    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                    assert!(clock.now().since(start) < Duration::from_secs(20), "{error:?}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    for number in 0..30 {
        let subject = format!("user{number}");
        assert_eq!(store.revoke_subject(&subject).await.expect("they run"), 1);
    }
}
