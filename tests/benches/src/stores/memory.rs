//! Bytes per sign-in, including keys, indexes and the overhead of the allocator.
//!
//! The figures tell how much memory a server needs for its users. They are measured in the process and
//! in Redis, because estimates miss the overhead.

use std::fs;
use std::sync::Arc;

use auth_core::{Principal, SignInId, SignInOptions, Timestamp};
use auth_store::near_cache::NearCache;
use auth_store::{
    Deadlines, Lifetime, NewSignIn, Record, RedisStore, Secret, SecretDigests, SecretKind, Store,
};

use crate::ours::User;
use crate::stores::redis::Redis;

/// The number of concurrent requests.
const AT_ONCE: usize = 64;
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Signs in this many users. Returns the bytes per sign-in in Redis, and the ids.
pub fn bytes_in_redis(redis: &Redis, sign_ins: usize) -> (f64, Vec<SignInId>) {
    let (store, before) = (Arc::new(redis.store()), redis.used());
    let create = move |number: usize| {
        let store = Arc::clone(&store);
        async move {
            let record = record(&*store, number);
            let id = record.id;
            store.create(record, None).await.unwrap();
            id
        }
    };
    let ids = at_once(redis, sign_ins, create);
    ((redis.used() - before) as f64 / sign_ins as f64, ids)
}

/// Loads these sign-ins into a near cache. Returns the bytes per sign-in, by the cache's own count and by the
/// resident memory of this process, and the number of cached sign-ins.
pub fn bytes_in_near_cache(redis: &Redis, ids: &[SignInId]) -> (f64, f64, usize) {
    let (near, before) = (redis.near(ids.len()), resident());
    let (loads, all): (_, Arc<[SignInId]>) = (Arc::clone(&near), ids.into());
    let load = move |number: usize| {
        let (near, all) = (Arc::clone(&loads), Arc::clone(&all));
        async move { NearCache::<RedisStore>::load(&near, &all[number]).await.unwrap().unwrap().id }
    };
    drop(at_once(redis, ids.len(), load));
    let stats = near.stats();
    let each = |bytes: u64| bytes as f64 / stats.entries as f64;
    (each(stats.bytes), each(resident() - before), stats.entries)
}

/// Runs this for each number, some of them concurrently.
fn at_once<F>(
    redis: &Redis,
    count: usize,
    run: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Vec<SignInId>
where
    F: Future<Output = SignInId> + Send,
{
    let _inside = redis.enter();
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|first| {
            let run = run.clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for number in (first..count).step_by(AT_ONCE) {
                    ids.push(run(number).await);
                }
                ids
            })
        })
        .collect();
    tasks.into_iter().flat_map(|task| redis.wait(task).unwrap()).collect()
}

/// Returns a sign-in like that of a browser.
pub(super) fn record(store: &dyn Store, number: usize) -> Record {
    let user = User { name: format!("Ada Lovelace {number:07}") };
    let principal = Principal::new(format!("user-{number:08}")).role("buyer").claims(user);
    let options = SignInOptions::new(principal);
    let new = NewSignIn::of(SecretKind::Cookie, &options, Some(USER_AGENT)).unwrap();
    let id = store.new_id(Some(&new.subject)).unwrap();
    let digests: SecretDigests = Secret::generate(id).unwrap().digests(new.kind);
    let deadlines = Deadlines::starting(Lifetime::default(), NOW);
    let mut record = Record::new(id, new.kind, digests, Some(new.subject), deadlines, NOW);
    record.set_principal(new.principal);
    record.details = new.details;
    record
}

/// Returns the resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
