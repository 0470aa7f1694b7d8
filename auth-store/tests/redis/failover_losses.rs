//! What a failover loses of what was acknowledged. Replication is asynchronous, even with `WAIT`.
//!
//! The tests promote replicas as Sentinel and a cluster do: the one that has read most. `RedisStore`
//! documents the results.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthErrorKind, Principal, ProviderSession, SignInId, SignInOptions, Timestamp};
use auth_servers::{Held, Proxy, RedisCluster, RedisServer, until};
use auth_store::{
    CompareAndSwap, Digest, NewSignIn, RedisStore, Secret, SignInManager, Store, StoreErrorKind,
};
use parking_lot::Mutex;
use tokio::time::sleep;

use crate::replicas::replica_of;
use crate::sign_in::{KIND, data, draft, rotation};

/// The number of steps of each kind.
const EACH: usize = 200;
const ROUNDS: usize = 5;

async fn store(url: String, replicas: u32) -> RedisStore {
    let store = RedisStore::builder(url).prefix("lost:").wait_for_replicas(replicas);
    store.connect().await.expect("it runs")
}

/// Sign-ins, and the acknowledged steps on them.
#[derive(Default)]
struct Acknowledged {
    stored: Vec<(SignInId, Digest)>,
    revoked: Mutex<Vec<SignInId>>,
    rotated: Mutex<Vec<(SignInId, Digest)>>,
    updated: Mutex<Vec<SignInId>>,
    created: Mutex<Vec<SignInId>>,
}

/// For each kind of step, how many were lost of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lost {
    revoked: (usize, usize),
    rotated: (usize, usize),
    updated: (usize, usize),
    created: (usize, usize),
}

impl Acknowledged {
    /// Stores the sign-ins for all steps.
    async fn of(store: &RedisStore) -> Arc<Self> {
        let mut steps = Self::default();
        for number in 0..3 * EACH {
            let (secret, record) = draft(store, Some(&format!("user{number}")));
            steps.stored.push((record.id, secret.digests(KIND).current));
            store.create(record, None).await.expect("it runs");
        }
        Arc::new(steps)
    }

    async fn revoke(&self, store: &RedisStore) {
        for (number, (id, _)) in self.stored[..EACH].iter().enumerate() {
            match store.revoke(&format!("user{number}"), id).await {
                Ok(ended) => assert!(ended),
                Err(_) => return,
            }
            self.revoked.lock().push(*id);
        }
    }

    async fn rotate(&self, store: &RedisStore) {
        for (id, from) in &self.stored[EACH..2 * EACH] {
            let digests = Secret::generate(*id).expect("randomness").digests(KIND);
            match store.rotate(id, from, rotation(digests)).await {
                Ok(swap) => assert!(matches!(swap, CompareAndSwap::Stored(_))),
                Err(_) => return,
            }
            self.rotated.lock().push((*id, digests.current));
        }
    }

    async fn update(&self, store: &RedisStore) {
        for (id, _) in &self.stored[2 * EACH..] {
            match store.update(id, 0, data("[1]")).await {
                Ok(swap) => assert!(matches!(swap, CompareAndSwap::Stored(_))),
                Err(_) => return,
            }
            self.updated.lock().push(*id);
        }
    }

    async fn create(&self, store: &RedisStore) {
        for _ in 0..EACH {
            let record = draft(store, Some("newcomer")).1;
            let id = record.id;
            if store.create(record, None).await.is_err() {
                return;
            }
            self.created.lock().push(id);
        }
    }

    /// Takes all steps concurrently, until they are done or the servers are gone.
    async fn all(self: &Arc<Self>, store: &Arc<RedisStore>) {
        macro_rules! at_once {
            ($($step:ident),*) => {
                $(let $step = tokio::spawn({
                    let (steps, store) = (Arc::clone(self), Arc::clone(store));
                    async move { steps.$step(&store).await }
                });)*
                $($step.await.expect("no panic");)*
            };
        }
        at_once!(revoke, rotate, update, create);
    }

    /// Counts the acknowledged steps that the store does not show.
    async fn lost(&self, store: &RedisStore) -> Lost {
        let mut lost = Lost::default();
        let (revoked, rotated) = (self.revoked.lock().clone(), self.rotated.lock().clone());
        let (updated, created) = (self.updated.lock().clone(), self.created.lock().clone());
        lost.revoked.1 = revoked.len();
        for id in &revoked {
            lost.revoked.0 += usize::from(find(store, id).await.is_some());
        }
        lost.rotated.1 = rotated.len();
        for (id, to) in &rotated {
            let is_new = find(store, id).await.is_some_and(|(_, current)| current == *to);
            lost.rotated.0 += usize::from(!is_new);
        }
        lost.updated.1 = updated.len();
        for id in &updated {
            let is_new = find(store, id).await.is_some_and(|(version, _)| version == 1);
            lost.updated.0 += usize::from(!is_new);
        }
        lost.created.1 = created.len();
        for id in &created {
            lost.created.0 += usize::from(find(store, id).await.is_none());
        }
        lost
    }
}

/// Returns the version and the digest of a sign-in, as soon as the store answers.
async fn find(store: &RedisStore, id: &SignInId) -> Option<(u64, Digest)> {
    for _ in 0..2000 {
        match store.load(id).await {
            Ok(found) => return found.map(|record| (record.version, record.current)),
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the store does not answer");
}

impl std::ops::AddAssign for Lost {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in [
            (&mut self.revoked, other.revoked),
            (&mut self.rotated, other.rotated),
            (&mut self.updated, other.updated),
            (&mut self.created, other.created),
        ] {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
    }
}

fn offset(server: &RedisServer, field: &str) -> Option<u64> {
    server.info("replication", field)?.parse().ok()
}

/// Starts a primary and two replicas, each connected to the primary through a proxy.
async fn group() -> (RedisServer, [RedisServer; 2], [Proxy; 2]) {
    let primary = RedisServer::with(&["--repl-diskless-sync-delay", "0"]);
    let proxies = [Proxy::to(primary.port()).await, Proxy::to(primary.port()).await];
    let replica = |proxy: &Proxy| {
        let port = proxy.port().to_string();
        RedisServer::with(&["--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", &port])
    };
    let replicas = [replica(&proxies[0]), replica(&proxies[1])];
    (primary, replicas, proxies)
}

/// Waits until the replicas have read everything.
fn await_replication(primary: &RedisServer, replicas: &[RedisServer]) {
    for replica in replicas {
        until("the replica has read everything", || {
            let is_up = replica.info("replication", "master_link_status")? == "up";
            let all = offset(primary, "master_repl_offset");
            (is_up && offset(replica, "slave_repl_offset") == all).then_some(())
        });
    }
}

/// Promotes the replica that has read most, and returns what was lost.
async fn promote(replicas: &[RedisServer], steps: &Acknowledged) -> Lost {
    let best = replicas.iter().max_by_key(|replica| offset(replica, "slave_repl_offset"));
    let best = best.expect("there is one");
    let _ = best.ask(&["REPLICAOF", "NO", "ONE"]);
    steps.lost(&store(best.url(), 0).await).await
}

/// Waits until a quarter of the sign-ins to revoke are.
async fn some_revoked(steps: &Acknowledged) {
    while steps.revoked.lock().len() < EACH / 4 {
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_confirmed_end_is_lost_with_the_primary() {
    let mut all = Lost::default();
    for _ in 0..ROUNDS {
        let mut primary = RedisServer::with(&["--repl-diskless-sync-delay", "0"]);
        let replicas = [replica_of(&primary), replica_of(&primary)];
        let store = Arc::new(store(primary.url(), 1).await);
        let steps = Acknowledged::of(&store).await;
        await_replication(&primary, &replicas);
        let working = tokio::spawn({
            let (steps, store) = (Arc::clone(&steps), Arc::clone(&store));
            async move { steps.all(&store).await }
        });
        some_revoked(&steps).await;
        primary.kill();
        working.await.expect("no panic");
        all += promote(&replicas, &steps).await;
    }
    println!("the primary dies, {ROUNDS} times: lost of acknowledged {all:?}");
    assert_eq!((all.revoked.0, all.rotated.0), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_confirmed_end_is_lost_with_a_primary_of_a_cluster() {
    let mut all = Lost::default();
    for _ in 0..2 {
        let mut cluster = RedisCluster::start();
        let store = Arc::new(store(cluster.url(), 1).await);
        let steps = Acknowledged::of(&store).await;
        for (primary, replica) in cluster.servers.iter().zip(&cluster.servers[3..]) {
            await_replication(primary, std::slice::from_ref(replica));
        }
        let working = tokio::spawn({
            let (steps, store) = (Arc::clone(&steps), Arc::clone(&store));
            async move { steps.all(&store).await }
        });
        some_revoked(&steps).await;
        cluster.servers[0].kill();
        working.await.expect("no panic");
        all += steps.lost(&store).await;
    }
    println!("a primary of a cluster dies, 2 times: lost of acknowledged {all:?}");
    assert_eq!((all.revoked.0, all.rotated.0), (0, 0));
}

/// If the replica that confirmed is gone as well, everything that it confirmed is lost. Requiring two
/// confirmations prevents that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_only_a_lost_replica_confirmed_is_lost() {
    for confirm in [1, 2] {
        let (mut primary, mut replicas, proxies) = group().await;
        let store = Arc::new(store(primary.url(), confirm).await);
        let steps = Acknowledged::of(&store).await;
        await_replication(&primary, &replicas);
        proxies[1].hold(Held { asked: true, answered: true, first: 0 });
        steps.all(&store).await;
        primary.kill();
        replicas[0].kill();
        let lost = promote(&replicas[1..], &steps).await;
        println!(
            "the confirming replica is gone, {confirm} of 2 confirm: lost of acknowledged {lost:?}"
        );
        let every = if confirm == 1 { EACH } else { 0 };
        assert_eq!((lost.revoked, lost.rotated), ((every, every), (every, every)));
        assert_eq!((lost.updated, lost.created), ((EACH, EACH), (EACH, EACH)));
    }
}

/// On a primary that is cut off, ends are refused, and so is what leads to later ends. Everything else is
/// acknowledged and lost, until the primary notices that its replicas are gone.
///
/// Regression: once it had noticed, and showed no replicas any more, ends were acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_primary_that_is_cut_off_confirms_no_end() {
    let (mut primary, replicas, proxies) = group().await;
    until("there are replicas", || (connected_replicas(&primary) == "2").then_some(()));
    let requiring = Arc::new(store(primary.url(), 1).await);
    let default = RedisStore::builder(primary.url()).prefix("lost:").connect().await;
    let stores = [requiring, Arc::new(default.expect("it runs"))];
    let steps = Acknowledged::of(&stores[0]).await;
    let manager = SignInManager::new(Arc::clone(&stores[0]) as Arc<dyn Store>);
    let revocations = manager.revocations();
    revocations.revoke_session("https://a.example", "s").await.expect("there are replicas");
    await_replication(&primary, &replicas);
    for proxy in &proxies {
        proxy.hold(Held { asked: true, answered: true, first: 0 });
    }
    steps.all(&stores[0]).await;
    // The same holds for revocations, the first one of a record and a further one, and for the links by which a
    // provider ends a sign-in.
    for session in ["s", "t"] {
        let revoked = revocations.revoke_session("https://a.example", session).await;
        assert_eq!(revoked.expect_err("no replicas").kind(), AuthErrorKind::Unavailable);
    }
    let mut options = SignInOptions::new(Principal::new("ada").claims(()));
    options.provider = Some(ProviderSession::new("https://a.example", "ada", Timestamp::EPOCH));
    let linked = NewSignIn::of(KIND, &options, None).expect("it is encoded");
    let linked = manager.issue(&linked).await.map(|issued| issued.id());
    assert_eq!(linked.expect_err("no replicas").kind(), AuthErrorKind::Unavailable);
    let _ = primary.ask(&["CONFIG", "SET", "repl-timeout", "1"]);
    until("it shows no replicas", || (connected_replicas(&primary) == "0").then_some(()));
    for store in &stores {
        let more = Acknowledged { stored: steps.stored.clone(), ..Acknowledged::default() };
        more.revoke(store).await;
        more.rotate(store).await;
        assert!(more.revoked.lock().is_empty() && more.rotated.lock().is_empty());
    }
    // With these settings, writes are refused once the replicas were silent for that long.
    let _ = primary.ask(&["CONFIG", "SET", "min-replicas-max-lag", "1"]);
    let _ = primary.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    until("it takes no writes", || primary.try_ask(&["SET", "x", "y"]).err());
    let refused = stores[0].create(draft(&*stores[0], Some("late")).1, None).await;
    assert_eq!(refused.expect_err("no replicas").kind(), StoreErrorKind::Unavailable);
    primary.kill();
    let lost = promote(&replicas, &steps).await;
    println!("the primary is cut off: lost of acknowledged {lost:?}");
    assert_eq!((lost.revoked, lost.rotated), ((0, 0), (0, 0)));
    assert_eq!((lost.updated, lost.created), ((EACH, EACH), (EACH, EACH)));
}

fn connected_replicas(primary: &RedisServer) -> String {
    primary.info("replication", "connected_slaves").unwrap_or_default()
}
