//! Anonymous sign-ins beyond their quota, and servers without free memory.

use std::time::Duration;

use auth_core::SignInId;
use auth_servers::{RedisCluster, RedisServer};
use auth_store::{
    CompareAndSwap, OverflowPolicy, Record, RedisStore, Secret, SignInLimit, Store, StoreErrorKind,
};

use crate::replicas::primary_with_replica;
use crate::sign_in::{KIND, data, draft, now, rotation, secret_of_sign_in, sign_in};
use crate::stores::builder;

/// Stores an anonymous sign-in.
async fn visitor(store: &RedisStore) -> SignInId {
    let record = draft(store, None).1;
    let id = record.id;
    store.create(record, None).await.expect("others are evicted if necessary");
    id
}

/// Returns a sign-in of about ten kilobytes.
fn large(store: &RedisStore, subject: Option<&str>) -> Record {
    let (_, mut record) = draft(store, subject);
    record.data = data(&format!("\"{}\"", "x".repeat(10_000)));
    record
}

async fn exists(store: &RedisStore, id: &SignInId) -> bool {
    store.load(id).await.expect("it runs").is_some()
}

/// Returns how many of them exist.
async fn count(store: &RedisStore, ids: &[SignInId]) -> usize {
    let mut count = 0;
    for id in ids {
        count += usize::from(exists(store, id).await);
    }
    count
}

async fn a_flood_evicts_only_visitors(url: String) {
    const QUOTA: usize = 100;
    let store = builder(url).max_anonymous(QUOTA).connect().await.expect("it runs");
    let first = visitor(&store).await;
    let mut users = Vec::new();
    for number in 0..30 {
        users.push(sign_in(&store, &format!("user{number}")).await);
    }
    let mut visitors = Vec::new();
    for _ in 0..10 * QUOTA {
        visitors.push(visitor(&store).await);
        assert!(exists(&store, visitors.last().expect("one")).await, "the newest is stored");
    }
    assert_eq!(count(&store, &users).await, users.len(), "no user was evicted");
    assert!(!exists(&store, &first).await, "the oldest visitor was evicted");
    assert_eq!(count(&store, &visitors).await, QUOTA);
    // A visitor that is deleted makes room, so that no other is evicted.
    let mut remaining = Vec::new();
    for id in visitors {
        if exists(&store, &id).await {
            remaining.push(id);
        }
    }
    for id in &remaining {
        assert!(store.delete(id).await.expect("it runs"));
    }
    let newcomer = visitor(&store).await;
    for _ in 0..QUOTA / 20 {
        visitor(&store).await;
    }
    assert!(exists(&store, &newcomer).await);
}

#[tokio::test]
async fn sec_84_a_flood_of_visitors_evicts_no_user_of_one_server() {
    let server = RedisServer::start();
    a_flood_evicts_only_visitors(server.url()).await;
}

#[tokio::test]
async fn sec_84_a_flood_of_visitors_evicts_no_user_of_a_cluster() {
    let cluster = RedisCluster::start();
    a_flood_evicts_only_visitors(cluster.url()).await;
}

#[tokio::test]
async fn the_visitor_that_was_seen_last_is_kept() {
    let server = RedisServer::start();
    let store = builder(server.url()).max_anonymous(2).connect().await.expect("it runs");
    let (early, late) = (visitor(&store).await, visitor(&store).await);
    store.touch(&early, now() + Duration::from_secs(60)).await.expect("it runs");
    let newest = visitor(&store).await;
    assert!(!exists(&store, &late).await);
    assert!(exists(&store, &early).await && exists(&store, &newest).await);
}

/// An expired sign-in does not count towards the quota.
#[tokio::test]
async fn expired_visitors_are_evicted_first() {
    let server = RedisServer::start();
    let store = builder(server.url()).max_anonymous(2).connect().await.expect("it runs");
    let day = Duration::from_secs(86_400);
    let (kept, expired) = (visitor(&store).await, visitor(&store).await);
    store.touch(&kept, now() + 2 * day).await.expect("it runs");
    let mut later = draft(&store, None).1;
    (later.created_at, later.authenticated_at) = (now() + 2 * day, now() + 2 * day);
    store.create(later, None).await.expect("it runs");
    assert!(exists(&store, &kept).await && !exists(&store, &expired).await);
}

#[tokio::test]
async fn a_quota_of_zero_rejects_visitors() {
    let server = RedisServer::start();
    let store = builder(server.url()).max_anonymous(0).connect().await.expect("it runs");
    let created = store.create(draft(&store, None).1, None).await;
    assert_eq!(created.expect_err("the quota is 0").kind(), StoreErrorKind::Unavailable);
    sign_in(&store, "ada").await;
}

/// Limits each server to this much memory more than it uses now.
fn limit_memory(servers: &[RedisServer], more: usize) {
    for server in servers {
        let used = server.info("memory", "used_memory").expect("it runs");
        let max = used.parse::<usize>().expect("a number") + more;
        let _ = server.ask(&["CONFIG", "SET", "maxmemory", &max.to_string()]);
    }
}

/// Fills servers with visitors and then with users, until they are full.
async fn full_servers_keep_users(url: String, servers: &[RedisServer], more: usize) {
    let store = builder(url).connect().await.expect("it runs");
    let ada = sign_in(&store, "ada").await;
    limit_memory(servers, more);
    let mut visitors = Vec::new();
    for _ in 0..3 * servers.len() * more / 10_000 {
        let record = large(&store, None);
        visitors.push(record.id);
        store.create(record, None).await.expect("other visitors are evicted");
    }
    let kept = count(&store, &visitors).await;
    assert!(0 < kept && kept < visitors.len(), "{kept} of {}", visitors.len());

    // Steps of users succeed as long as there are visitors on that server.
    store.update(&ada, 0, data("[1]")).await.expect("visitors are evicted");
    store.touch(&ada, now() + Duration::from_secs(1)).await.expect("visitors are evicted");
    let mut users = Vec::new();
    let refused = loop {
        let subject = format!("user{}", users.len());
        let record = large(&store, Some(&subject));
        let id = record.id;
        match store.create(record, None).await {
            Ok(_) => users.push((subject, id)),
            Err(error) => break (subject, error),
        }
    };
    assert_eq!(refused.1.kind(), StoreErrorKind::Unavailable);
    assert!(store.list(&refused.0).await.expect("it runs").is_empty(), "nothing was stored");
    assert!(users.len() * 10_000 > more / 3, "only {} users", users.len());
    for (subject, id) in &users {
        let listed = store.list(subject).await.expect("it runs");
        assert_eq!(listed.iter().map(|record| record.id).collect::<Vec<_>>(), [*id]);
    }
    assert!(exists(&store, &ada).await);
    if servers.len() == 1 {
        assert_eq!(count(&store, &visitors).await, 0, "all of them were evicted first");
    }

    // Ends succeed, and free memory.
    for (subject, _) in &users {
        assert_eq!(store.revoke_subject(subject).await.expect("ending needs no memory"), 1);
    }
    assert!(store.delete(&ada).await.expect("ending needs no memory"));
    sign_in(&store, "ada").await;
    sign_in(&store, &refused.0).await;
    visitor(&store).await;
}

#[tokio::test]
async fn sec_84_a_full_server_evicts_visitors_and_never_a_user() {
    let server = [RedisServer::start()];
    full_servers_keep_users(server[0].url(), &server, 2_000_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_84_full_servers_of_a_cluster_evict_visitors_and_never_a_user() {
    let cluster = RedisCluster::start();
    full_servers_keep_users(cluster.url(), &cluster.servers[..3], 2_000_000).await;
}

/// A step that is refused for lack of memory changes nothing. Ends need no memory, not even when replicas
/// confirm them.
#[tokio::test]
async fn a_full_primary_still_ends_sign_ins() {
    let (primary, replica, store) = primary_with_replica().await;
    let secret = secret_of_sign_in(&store, "ada").await;
    let id = secret.id();
    let (other, anonymous) = (sign_in(&store, "bob").await, visitor(&store).await);
    let _ = primary.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let digests = Secret::generate(id).expect("randomness").digests(KIND);
    let next = store.rotate(&id, &secret.digests(KIND).current, rotation(digests)).await;
    assert_eq!(next.expect_err("full").kind(), StoreErrorKind::Unavailable);
    assert!(!exists(&store, &anonymous).await, "it was evicted first");
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let created = store.create(draft(&store, Some("ada")).1, Some(limit)).await;
    assert_eq!(created.expect_err("full").kind(), StoreErrorKind::Unavailable);
    let kept = store.load(&id).await.expect("it runs").expect("it was not evicted");
    assert_eq!((kept.version, kept.current), (0, secret.digests(KIND).current));

    assert!(store.delete(&id).await.expect("confirmed"));
    assert_eq!(store.revoke_subject("bob").await.expect("confirmed"), 1);
    for id in [id, other] {
        let [high, low, ..] = *id.as_bytes();
        let keys = format!("*{{{high:02x}{low:02x}}}:s:{id}");
        assert_eq!(replica.ask(&["KEYS", &keys]), redis::Value::Array(Vec::new()));
    }
    let _ = primary.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    let again = sign_in(&store, "ada").await;
    assert!(matches!(store.update(&again, 0, data("[1]")).await, Ok(CompareAndSwap::Stored(_))));
}
