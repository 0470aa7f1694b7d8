//! Slots on the move, while some of their keys are here and some there. What ends is heard of, and
//! what cannot be done is not done by halves.

use std::time::Duration;

use auth_core::{Persistence, SignInId};
use auth_servers::{RedisCluster, RedisServer};
use auth_store::{
    Deadlines, Lifetime, Reauthentication, Record, RedisStore, Rotation, Secret, SecretDigests,
    Store, StoreErrorKind, encode,
};

use super::node::Nodes;
use crate::sign_in::{KIND, data, draft, now, rotation};

/// A sign-in that is believed on a node, and where its slot is going.
struct Moving {
    nodes: Nodes,
    secret: Secret,
    record: Record,
    slot: u16,
    from: usize,
    to: usize,
}

impl Moving {
    async fn begin(cluster: &RedisCluster) -> Self {
        let nodes = Nodes::on(cluster.url()).await;
        let (secret, record) = draft(&nodes.there, Some("ada"));
        nodes.there.create(record.clone(), None).await.expect("they run");
        nodes.learn(&record.sid).await;
        let slot = cluster.slot(&nodes.base(&record.sid));
        let from = cluster.primary_of(slot);
        let to = (from + 1) % 3;
        cluster.begin_move(slot, from, to);
        Self { nodes, secret, record, slot, from, to }
    }

    fn sid(&self) -> &SignInId {
        &self.record.sid
    }

    fn there(&self) -> &RedisStore {
        &self.nodes.there
    }

    fn move_record(&self, cluster: &RedisCluster) {
        let key = format!("{}s:{}", self.nodes.base(self.sid()), self.sid());
        migrate(&cluster.servers[self.from], &cluster.servers[self.to], &key);
    }

    fn move_index(&self, cluster: &RedisCluster) {
        let key = format!("{}u:ada", self.nodes.base(self.sid()));
        migrate(&cluster.servers[self.from], &cluster.servers[self.to], &key);
    }

    fn end(&self, cluster: &RedisCluster) {
        cluster.move_slot(self.slot, self.from, self.to);
    }

    /// The sign-in is not believed any more, though there was a lease all the time.
    async fn is_heard_of(&self, generation: u64) {
        self.nodes.until("it is heard of", || !self.nodes.believes(self.sid())).await;
        assert_eq!(self.nodes.generation(), generation, "it was told, and nothing was lost");
    }
}

fn migrate(from: &RedisServer, to: &RedisServer, key: &str) {
    let _ = from.ask(&["MIGRATE", "127.0.0.1", &to.port().to_string(), key, "0", "5000"]);
}

fn renewal(digests: SecretDigests) -> Rotation {
    let lifetime = Lifetime::new(None, Duration::from_secs(90 * 86_400)).expect("long enough");
    let renewal = Reauthentication {
        at: now(),
        limits: Deadlines::starting(lifetime, now()),
        persistence: Persistence::Session,
        principal: encode(&[], &"other claims").expect("it is text"),
        details: None,
    };
    Rotation { renewal: Some(renewal), ..rotation(digests) }
}

fn unavailable<T: std::fmt::Debug>(result: Result<T, auth_store::StoreError>) {
    assert_eq!(result.expect_err("they are apart").kind(), StoreErrorKind::Unavailable);
}

/// The index went first, or the record did: an end needs the record only.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_heard_of_whatever_has_moved() {
    let cluster = RedisCluster::start();
    for index_first in [true, false] {
        for way in 0..3 {
            let moving = Moving::begin(&cluster).await;
            let (sid, generation) = (*moving.sid(), moving.nodes.generation());
            match index_first {
                true => moving.move_index(&cluster),
                false => moving.move_record(&cluster),
            }
            let ended = match way {
                0 => moving.there().delete(&sid).await.map(|ended| ended.to_string()),
                1 => moving
                    .there()
                    .delete_if_version(&sid, 0)
                    .await
                    .map(|ended| format!("{ended:?}")),
                _ => {
                    let seen = moving.record.last_seen();
                    moving.there().delete_if_idle(&sid, seen).await.map(|ended| ended.to_string())
                }
            };
            let ended = ended.expect("it needs the record only");
            assert!(["true", "Done"].contains(&&*ended), "{ended}");
            moving.is_heard_of(generation).await;
            moving.end(&cluster);
            assert!(moving.there().list("ada").await.expect("they run").is_empty());
        }
    }
}

/// A new authentication prolongs the index: it waits until both are in one place.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_is_not_done_by_halves() {
    let cluster = RedisCluster::start();
    for index_first in [true, false] {
        let moving = Moving::begin(&cluster).await;
        let (sid, generation) = (*moving.sid(), moving.nodes.generation());
        match index_first {
            true => moving.move_index(&cluster),
            false => moving.move_record(&cluster),
        }
        let next = || Secret::generate(sid).expect("randomness").digests(KIND);
        let from = moving.secret.digests(KIND).current;
        unavailable(moving.there().rotate(&sid, &from, renewal(next())).await);
        let found = moving.there().load(&sid).await.expect("they run").expect("it is there");
        assert_eq!((found.version, found.current), (0, from), "nothing was done by halves");

        moving.nodes.learn(&sid).await;
        let refreshed = moving.there().rotate(&sid, &from, rotation(next())).await;
        assert!(refreshed.is_ok(), "a refresh needs the record only: {refreshed:?}");
        moving.is_heard_of(generation).await;
        moving.end(&cluster);
        moving.there().revoke_subject("ada").await.expect("they are together");
    }
}

/// The server that has the index already must not take the records for gone.
#[tokio::test(flavor = "multi_thread")]
async fn sec_15_17_no_sign_in_is_passed_over_while_its_index_is_elsewhere() {
    let cluster = RedisCluster::start();
    let moving = Moving::begin(&cluster).await;
    let (sid, store) = (*moving.sid(), moving.there());
    moving.move_index(&cluster);
    unavailable(store.revoke_subject("ada").await);
    unavailable(store.revoke_others("ada", &store.new_id(None).expect("randomness")).await);
    unavailable(store.revoke("ada", &sid).await);
    unavailable(store.update_subject("ada", b"{}").await);
    unavailable(store.list("ada").await);
    let another = draft(store, Some("ada")).1;
    let limit = auth_store::SignInLimit {
        max: 1.try_into().expect("not 0"),
        when_full: auth_store::OverflowPolicy::EvictOldest,
    };
    unavailable(store.create(another, Some(limit)).await);
    moving.end(&cluster);
    let listed = store.list("ada").await.expect("they are together");
    assert_eq!(
        listed.iter().map(|record| (record.sid, record.version)).collect::<Vec<_>>(),
        [(sid, 0)]
    );
    assert_eq!(store.revoke_subject("ada").await.expect("they are together"), 1);
    moving.is_heard_of(moving.nodes.generation()).await;
}

/// Visitors that are evicted for room are heard of, also when one of their bucket has moved.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_evicted_from_a_slot_that_moves_is_heard_of() {
    let cluster = RedisCluster::start();
    let nodes = Nodes::on(cluster.url()).await;
    let bucket = |sid: &SignInId| cluster.slot(&nodes.base(sid));
    let mut visitors = Vec::new();
    while visitors.len() < 3 {
        let record = draft(&nodes.there, None).1;
        let sid = record.sid;
        if visitors.first().is_some_and(|first| nodes.base(first) != nodes.base(&sid)) {
            continue;
        }
        nodes.there.create(record, None).await.expect("they run");
        nodes.learn(&sid).await;
        visitors.push(sid);
    }
    let slot = bucket(&visitors[0]);
    let from = cluster.primary_of(slot);
    // Somebody whose data needs memory of the same server.
    let user = loop {
        let record = draft(&nodes.there, Some(&format!("user{}", now().as_millis()))).1;
        let sid = record.sid;
        if bucket(&sid) != slot && cluster.primary_of(bucket(&sid)) == from {
            nodes.there.create(record, None).await.expect("they run");
            break sid;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    cluster.begin_move(slot, from, (from + 1) % 3);
    let key = format!("{}s:{}", nodes.base(&visitors[0]), visitors[0]);
    migrate(&cluster.servers[from], &cluster.servers[(from + 1) % 3], &key);
    let generation = nodes.generation();
    let _ = cluster.servers[from].ask(&["CONFIG", "SET", "maxmemory", "1"]);
    unavailable(nodes.there.update(&user, 0, data("[1]")).await);
    let _ = cluster.servers[from].ask(&["CONFIG", "SET", "maxmemory", "0"]);
    for sid in &visitors[1..] {
        assert!(nodes.there.load(sid).await.expect("they run").is_none(), "it was evicted");
        nodes.until("it is heard of", || !nodes.believes(sid)).await;
    }
    assert!(nodes.there.load(&visitors[0]).await.expect("they run").is_some(), "it is elsewhere");
    assert_eq!(nodes.generation(), generation, "it was told, and nothing was lost");
}
