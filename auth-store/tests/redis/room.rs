//! Visitors beyond their quota, and servers without memory.

use std::time::Duration;

use auth_core::SignInId;
use auth_servers::{RedisCluster, RedisServer};
use auth_store::{
    CompareAndSwap, OverflowPolicy, Record, RedisStore, Secret, SignInLimit, Store, StoreErrorKind,
};

use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};
use crate::stores::builder;

/// A stored anonymous sign-in.
async fn context(store: &RedisStore) -> SignInId {
    let record = draft(store, None).1;
    let sid = record.sid;
    store.create(record, None).await.expect("there is room, or room is made");
    sid
}

/// A sign-in of about ten kilobytes.
fn large(store: &RedisStore, subject: Option<&str>) -> Record {
    let (_, mut record) = draft(store, subject);
    record.data = data(&format!("\"{}\"", "x".repeat(10_000)));
    record
}

async fn is_there(store: &RedisStore, sid: &SignInId) -> bool {
    store.load(sid).await.expect("it runs").is_some()
}

/// How many of them are there.
async fn left(store: &RedisStore, sids: &[SignInId]) -> usize {
    let mut left = 0;
    for sid in sids {
        left += usize::from(is_there(store, sid).await);
    }
    left
}

async fn a_flood_evicts_visitors_only(url: String) {
    const MOST: usize = 100;
    let store = builder(url).max_anonymous(MOST).connect().await.expect("it runs");
    let first = context(&store).await;
    let mut users = Vec::new();
    for number in 0..30 {
        users.push(sign_in(&store, &format!("user{number}")).await);
    }
    let mut visitors = Vec::new();
    for _ in 0..10 * MOST {
        visitors.push(context(&store).await);
        assert!(is_there(&store, visitors.last().expect("one")).await, "the newest has a place");
    }
    assert_eq!(left(&store, &users).await, users.len(), "no user had to go");
    assert!(!is_there(&store, &first).await, "the oldest visitor had to");
    assert_eq!(left(&store, &visitors).await, MOST);
    // Who leaves makes room: nobody else has to go.
    let mut there = Vec::new();
    for sid in visitors {
        if is_there(&store, &sid).await {
            there.push(sid);
        }
    }
    for sid in &there {
        assert!(store.delete(sid).await.expect("it runs"));
    }
    let newcomer = context(&store).await;
    for _ in 0..MOST / 20 {
        context(&store).await;
    }
    assert!(is_there(&store, &newcomer).await);
}

#[tokio::test]
async fn sec_84_a_flood_of_visitors_evicts_no_user_of_one_server() {
    let server = RedisServer::start();
    a_flood_evicts_visitors_only(server.url()).await;
}

#[tokio::test]
async fn sec_84_a_flood_of_visitors_evicts_no_user_of_a_cluster() {
    let cluster = RedisCluster::start();
    a_flood_evicts_visitors_only(cluster.url()).await;
}

#[tokio::test]
async fn who_was_here_lately_stays_longer() {
    let server = RedisServer::start();
    let store = builder(server.url()).max_anonymous(2).connect().await.expect("it runs");
    let (early, late) = (context(&store).await, context(&store).await);
    store.touch(&early, now() + Duration::from_secs(60)).await.expect("it runs");
    let newest = context(&store).await;
    assert!(!is_there(&store, &late).await);
    assert!(is_there(&store, &early).await && is_there(&store, &newest).await);
}

/// What has ended by itself takes no place of the quota.
#[tokio::test]
async fn who_has_expired_goes_first() {
    let server = RedisServer::start();
    let store = builder(server.url()).max_anonymous(2).connect().await.expect("it runs");
    let day = Duration::from_secs(86_400);
    let (kept, expired) = (context(&store).await, context(&store).await);
    store.touch(&kept, now() + 2 * day).await.expect("it runs");
    let mut later = draft(&store, None).1;
    (later.created_at, later.authenticated_at) = (now() + 2 * day, now() + 2 * day);
    store.create(later, None).await.expect("it runs");
    assert!(is_there(&store, &kept).await && !is_there(&store, &expired).await);
}

#[tokio::test]
async fn without_a_quota_no_visitor_is_kept() {
    let server = RedisServer::start();
    let store = builder(server.url()).max_anonymous(0).connect().await.expect("it runs");
    let created = store.create(draft(&store, None).1, None).await;
    assert_eq!(created.expect_err("no room").kind(), StoreErrorKind::Unavailable);
    sign_in(&store, "ada").await;
}

/// Lets each of these servers have so much memory more than it uses now.
fn limit_memory(servers: &[RedisServer], more: usize) {
    for server in servers {
        let used = server.info("memory", "used_memory").expect("it runs");
        let most = used.parse::<usize>().expect("a number") + more;
        let _ = server.ask(&["CONFIG", "SET", "maxmemory", &most.to_string()]);
    }
}

/// Fills servers with visitors, then with users, until they are full.
async fn full_servers_keep_users(url: String, servers: &[RedisServer], more: usize) {
    let store = builder(url).connect().await.expect("it runs");
    let ada = sign_in(&store, "ada").await;
    limit_memory(servers, more);
    let mut visitors = Vec::new();
    for _ in 0..3 * servers.len() * more / 10_000 {
        let record = large(&store, None);
        visitors.push(record.sid);
        store.create(record, None).await.expect("the others make room");
    }
    let kept = left(&store, &visitors).await;
    assert!(0 < kept && kept < visitors.len(), "{kept} of {}", visitors.len());

    // Who is signed in has what they need, as long as there are visitors on that server.
    store.update(&ada, 0, data("[1]")).await.expect("visitors make room");
    store.touch(&ada, now() + Duration::from_secs(1)).await.expect("visitors make room");
    let mut users = Vec::new();
    let refused = loop {
        let subject = format!("user{}", users.len());
        let record = large(&store, Some(&subject));
        let sid = record.sid;
        match store.create(record, None).await {
            Ok(_) => users.push((subject, sid)),
            Err(error) => break (subject, error),
        }
    };
    assert_eq!(refused.1.kind(), StoreErrorKind::Unavailable);
    assert!(store.list(&refused.0).await.expect("it runs").is_empty(), "nothing is half there");
    assert!(users.len() * 10_000 > more / 3, "{} users had room", users.len());
    for (subject, sid) in &users {
        let listed = store.list(subject).await.expect("it runs");
        assert_eq!(listed.iter().map(|record| record.sid).collect::<Vec<_>>(), [*sid]);
    }
    assert!(is_there(&store, &ada).await);
    if servers.len() == 1 {
        assert_eq!(left(&store, &visitors).await, 0, "all of them had to go before");
    }

    // What only takes away goes on, and gives room back.
    for (subject, _) in &users {
        assert_eq!(store.revoke_subject(subject).await.expect("an end needs no room"), 1);
    }
    assert!(store.delete(&ada).await.expect("an end needs no room"));
    sign_in(&store, "ada").await;
    sign_in(&store, &refused.0).await;
    context(&store).await;
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

/// What is refused for want of memory happens as a whole or not at all, and ends need none: not even
/// for replicas to confirm them.
#[tokio::test]
async fn a_full_primary_still_ends_sign_ins_for_good() {
    let primary = RedisServer::with(&["--repl-diskless-sync-delay", "0"]);
    let replica = crate::replicas::replica_of(&primary);
    let store = builder(primary.url()).connect().await.expect("it runs");
    let (secret, record) = draft(&store, Some("ada"));
    let sid = record.sid;
    store.create(record, None).await.expect("it runs");
    let (other, visitor) = (sign_in(&store, "bob").await, context(&store).await);
    let _ = primary.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let digests = Secret::generate(sid).expect("randomness").digests(KIND);
    let next = store.rotate(&sid, &secret.digests(KIND).current, rotation(digests)).await;
    assert_eq!(next.expect_err("full").kind(), StoreErrorKind::Unavailable);
    assert!(!is_there(&store, &visitor).await, "it was evicted in vain");
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let created = store.create(draft(&store, Some("ada")).1, Some(limit)).await;
    assert_eq!(created.expect_err("full").kind(), StoreErrorKind::Unavailable);
    let kept = store.load(&sid).await.expect("it runs").expect("nobody was evicted");
    assert_eq!((kept.version, kept.current), (0, secret.digests(KIND).current));

    assert!(store.delete(&sid).await.expect("confirmed"));
    assert_eq!(store.revoke_subject("bob").await.expect("confirmed"), 1);
    for sid in [sid, other] {
        let [high, low, ..] = *sid.as_bytes();
        let keys = format!("*{{{high:02x}{low:02x}}}:s:{sid}");
        assert_eq!(replica.ask(&["KEYS", &keys]), redis::Value::Array(Vec::new()));
    }
    let _ = primary.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    let again = sign_in(&store, "ada").await;
    assert!(matches!(store.update(&again, 0, data("[1]")).await, Ok(CompareAndSwap::Stored(_))));
}
