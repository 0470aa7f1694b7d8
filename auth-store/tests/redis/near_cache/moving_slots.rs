//! Slots of a cluster that move from one server to another. While some keys of a slot are on one
//! server and some on the other, every end still reaches the cache, and a step that needs both parts
//! fails as a whole.

use std::fmt::Debug;
use std::time::Duration;

use auth_core::{Persistence, SignInId};
use auth_servers::{RedisCluster, RedisServer};
use auth_store::{
    Deadlines, Lifetime, OverflowPolicy, Reauthentication, Record, RedisStore, Rotation, Secret,
    SecretDigests, SignInLimit, Store, StoreError, StoreErrorKind, encode,
};

use super::nodes::RedisNodes;
use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};

#[tokio::test(flavor = "multi_thread")]
async fn an_end_after_a_move_reaches_the_cache() {
    let cluster = RedisCluster::start();
    let nodes = RedisNodes::on(cluster.url()).await;
    let generation = nodes.generation();
    for number in 0..3 {
        let id = sign_in(&nodes.remote, &format!("user{number}")).await;
        nodes.load_until_cached(&id).await;
        let slot = cluster.slot(&nodes.key_base(&id));
        let from = cluster.primary_of(slot);
        cluster.move_slot(slot, from, (from + 1) % 3);
        let ended = nodes.end(id).await;
        nodes.stays_ended_until(&ended, "there is a lease", || nodes.has_lease()).await;
    }
    assert_eq!(nodes.generation(), generation, "the sources are the same");
    nodes.recovers().await;
}

/// A server without slots is no source, so its first writes would not reach the cache.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_joins_becomes_a_source_before_anything_is_cached() {
    let mut cluster = RedisCluster::start();
    let nodes = RedisNodes::on(cluster.url()).await;
    let id = nodes.cached_sign_in().await;
    let generation = nodes.generation();
    let joined = cluster.join();
    assert!(nodes.has_lease(), "the new server has no slots yet");

    let slot = cluster.slot(&nodes.key_base(&id));
    let from = cluster.primary_of(slot);
    let since = nodes.now();
    cluster.begin_move(slot, from, joined);
    nodes.loses_the_lease(&id, since).await;
    cluster.move_slot(slot, from, joined);
    let ended = nodes.end(id).await;
    nodes.stays_ended_until(&ended, "there is a lease again", || nodes.has_lease()).await;
    assert!(nodes.generation() > generation);
    nodes.recovers().await;
}

/// A cached sign-in, whose slot is about to move.
struct Moving {
    nodes: RedisNodes,
    secret: Secret,
    record: Record,
    slot: u16,
    from: usize,
    to: usize,
}

impl Moving {
    async fn begin(cluster: &RedisCluster) -> Self {
        let nodes = RedisNodes::on(cluster.url()).await;
        let (secret, record) = draft(&nodes.remote, Some("ada"));
        nodes.remote.create(record.clone(), None).await.expect("they run");
        nodes.load_until_cached(&record.id).await;
        let slot = cluster.slot(&nodes.key_base(&record.id));
        let from = cluster.primary_of(slot);
        let to = (from + 1) % 3;
        cluster.begin_move(slot, from, to);
        Self { nodes, secret, record, slot, from, to }
    }

    fn id(&self) -> &SignInId {
        &self.record.id
    }

    fn store(&self) -> &RedisStore {
        &self.nodes.remote
    }

    /// Moves one of the two keys: the index of the subject, or the record.
    fn move_one(&self, cluster: &RedisCluster, index: bool) {
        let base = self.nodes.key_base(self.id());
        let key = if index { format!("{base}u:ada") } else { format!("{base}s:{}", self.id()) };
        migrate(&cluster.servers[self.from], &cluster.servers[self.to], &key);
    }

    fn finish(&self, cluster: &RedisCluster) {
        cluster.move_slot(self.slot, self.from, self.to);
    }

    /// Waits until the sign-in is not cached any more. There was a lease all the time.
    async fn leaves_the_cache(&self, generation: u64) {
        self.nodes.until("it is not cached", || !self.nodes.is_cached(self.id())).await;
        assert_eq!(self.nodes.generation(), generation, "no lease was lost");
    }
}

fn migrate(from: &RedisServer, to: &RedisServer, key: &str) {
    let _ = from.ask(&["MIGRATE", "127.0.0.1", &to.port().to_string(), key, "0", "5000"]);
}

fn reauthentication(digests: SecretDigests) -> Rotation {
    let lifetime = Lifetime::new(None, Duration::from_secs(90 * 86_400)).expect("long enough");
    let reauthentication = Reauthentication {
        at: now(),
        seen_at: now(),
        deadlines: Deadlines::starting(lifetime, now()),
        persistence: Persistence::Session,
        principal: Some(encode(&[], &"other claims").expect("it is text")),
        details: None,
    };
    Rotation { reauthentication: Some(reauthentication), ..rotation(digests) }
}

fn assert_unavailable<T: Debug>(result: Result<T, StoreError>) {
    let error = result.expect_err("the keys are on two servers");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

/// An end needs only the record, whether the index or the record has moved first.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_during_a_move_reaches_the_cache() {
    let cluster = RedisCluster::start();
    for index_first in [true, false] {
        for step in 0..3 {
            let moving = Moving::begin(&cluster).await;
            let (id, generation) = (*moving.id(), moving.nodes.generation());
            moving.move_one(&cluster, index_first);
            let store = moving.store();
            let ended = match step {
                0 => store.delete(&id).await.map(|ended| ended.to_string()),
                1 => store.delete_if_version(&id, 0).await.map(|ended| format!("{ended:?}")),
                _ => {
                    let seen = moving.record.last_seen();
                    store.delete_if_idle(&id, seen).await.map(|ended| ended.to_string())
                }
            };
            let ended = ended.expect("it needs only the record");
            assert!(["true", "Done"].contains(&&*ended), "{ended}");
            moving.leaves_the_cache(generation).await;
            moving.finish(&cluster);
            assert!(store.list("ada").await.expect("they run").is_empty());
        }
    }
}

/// A new authentication extends the life of the index, so it needs the index and the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_reauthentication_during_a_move_changes_nothing() {
    let cluster = RedisCluster::start();
    for index_first in [true, false] {
        let moving = Moving::begin(&cluster).await;
        let (id, generation) = (*moving.id(), moving.nodes.generation());
        moving.move_one(&cluster, index_first);
        let next = || Secret::generate(id).expect("randomness").digests(KIND);
        let from = moving.secret.digests(KIND).current;
        assert_unavailable(moving.store().rotate(&id, &from, reauthentication(next())).await);
        let found = moving.store().load(&id).await.expect("they run").expect("it is there");
        assert_eq!((found.version, found.current), (0, from), "nothing has changed");

        moving.nodes.load_until_cached(&id).await;
        let refreshed = moving.store().rotate(&id, &from, rotation(next())).await;
        assert!(refreshed.is_ok(), "a refresh needs only the record: {refreshed:?}");
        moving.leaves_the_cache(generation).await;
        moving.finish(&cluster);
        moving.store().revoke_subject("ada").await.expect("the keys are on one server");
    }
}

/// The server that has the index already must not take the records for missing.
#[tokio::test(flavor = "multi_thread")]
async fn sec_15_17_no_sign_in_is_passed_over_while_its_index_is_elsewhere() {
    let cluster = RedisCluster::start();
    let moving = Moving::begin(&cluster).await;
    let (id, store) = (*moving.id(), moving.store());
    moving.move_one(&cluster, true);
    assert_unavailable(store.revoke_subject("ada").await);
    assert_unavailable(store.revoke_others("ada", &store.new_id(None).expect("randomness")).await);
    assert_unavailable(store.revoke("ada", &id).await);
    assert_unavailable(store.update_subject("ada", b"{}").await);
    assert_unavailable(store.list("ada").await);
    let another = draft(store, Some("ada")).1;
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    assert_unavailable(store.create(another, Some(limit)).await);
    moving.finish(&cluster);
    let listed = store.list("ada").await.expect("the keys are on one server");
    let listed: Vec<_> = listed.iter().map(|record| (record.id, record.version)).collect();
    assert_eq!(listed, [(id, 0)]);
    assert_eq!(store.revoke_subject("ada").await.expect("the keys are on one server"), 1);
    moving.leaves_the_cache(moving.nodes.generation()).await;
}

/// Visitors of one bucket are evicted to free memory. One of them is on another server.
#[tokio::test(flavor = "multi_thread")]
async fn an_eviction_during_a_move_reaches_the_cache() {
    let cluster = RedisCluster::start();
    let nodes = RedisNodes::on(cluster.url()).await;
    let slot_of = |id: &SignInId| cluster.slot(&nodes.key_base(id));
    let visitors = visitors_of_one_bucket(&nodes).await;
    let slot = slot_of(&visitors[0]);
    let from = cluster.primary_of(slot);
    // A user whose data needs memory on the same server.
    let user = loop {
        let record = draft(&nodes.remote, Some(&format!("user{}", now().as_millis()))).1;
        let id = record.id;
        if slot_of(&id) != slot && cluster.primary_of(slot_of(&id)) == from {
            nodes.remote.create(record, None).await.expect("they run");
            break id;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    cluster.begin_move(slot, from, (from + 1) % 3);
    let key = format!("{}s:{}", nodes.key_base(&visitors[0]), visitors[0]);
    migrate(&cluster.servers[from], &cluster.servers[(from + 1) % 3], &key);
    let generation = nodes.generation();
    let _ = cluster.servers[from].ask(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_unavailable(nodes.remote.update(&user, 0, data("[1]")).await);
    let _ = cluster.servers[from].ask(&["CONFIG", "SET", "maxmemory", "0"]);
    for id in &visitors[1..] {
        assert!(nodes.remote.load(id).await.expect("they run").is_none(), "it was evicted");
        nodes.until("it is not cached", || !nodes.is_cached(id)).await;
    }
    let moved = nodes.remote.load(&visitors[0]).await.expect("they run");
    assert!(moved.is_some(), "it is on the other server");
    assert_eq!(nodes.generation(), generation, "no lease was lost");
}

/// Returns three anonymous sign-ins that are cached and in the same bucket.
async fn visitors_of_one_bucket(nodes: &RedisNodes) -> Vec<SignInId> {
    let mut visitors: Vec<SignInId> = Vec::new();
    while visitors.len() < 3 {
        let record = draft(&nodes.remote, None).1;
        let id = record.id;
        let same = |first: &SignInId| nodes.key_base(first) == nodes.key_base(&id);
        if visitors.first().is_none_or(same) {
            nodes.remote.create(record, None).await.expect("they run");
            nodes.load_until_cached(&id).await;
            visitors.push(id);
        }
    }
    visitors
}
