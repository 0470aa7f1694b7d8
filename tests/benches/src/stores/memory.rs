//! Bytes per sign-in, all else included: keys, index, allocator.

use std::fs;
use std::sync::Arc;

use auth_core::{Principal, SignInId, SignInOptions, Timestamp};
use auth_store::near_cache::NearCache;
use auth_store::{
    Deadlines, Lifetime, NewSignIn, Record, RedisStore, Secret, SecretDigests, SecretKind, Store,
};

use crate::ours::User;
use crate::stores::redis::Redis;

/// How many requests are under way at once.
const AT_ONCE: usize = 64;
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Signs in so many users, and says how many bytes each takes in Redis; and who they are.
pub fn bytes_in_redis(redis: &Redis, sign_ins: usize) -> (f64, Vec<SignInId>) {
    let (store, before) = (Arc::new(redis.store()), redis.used());
    let create = move |number: usize| {
        let store = Arc::clone(&store);
        async move {
            let record = record(&*store, number);
            let sid = record.sid;
            store.create(record, None).await.unwrap();
            sid
        }
    };
    let sids = at_once(redis, sign_ins, create);
    ((redis.used() - before) as f64 / sign_ins as f64, sids)
}

/// Has a near cache load these sign-ins, and says how many bytes of this process each takes, by the
/// cache's own account and by that of the system; and how many are kept.
pub fn bytes_in_near_cache(redis: &Redis, sids: &[SignInId]) -> (f64, f64, usize) {
    let (near, before) = (redis.near(sids.len()), resident());
    let (loads, all): (_, Arc<[SignInId]>) = (Arc::clone(&near), sids.into());
    let load = move |number: usize| {
        let (near, all) = (Arc::clone(&loads), Arc::clone(&all));
        async move { NearCache::<RedisStore>::load(&near, &all[number]).await.unwrap().unwrap().sid }
    };
    drop(at_once(redis, sids.len(), load));
    let stats = near.stats();
    let each = |bytes: u64| bytes as f64 / stats.entries as f64;
    (each(stats.bytes), each(resident() - before), stats.entries)
}

/// Runs this for each number, a few at a time.
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
                let mut sids = Vec::new();
                for number in (first..count).step_by(AT_ONCE) {
                    sids.push(run(number).await);
                }
                sids
            })
        })
        .collect();
    tasks.into_iter().flat_map(|task| redis.wait(task).unwrap()).collect()
}

/// A sign-in as a browser makes it.
pub(super) fn record(store: &dyn Store, number: usize) -> Record {
    let user = User { name: format!("Ada Lovelace {number:07}") };
    let principal = Principal::new(format!("user-{number:08}")).role("buyer").claims(user);
    let options = SignInOptions::default();
    let new = NewSignIn::of(SecretKind::Cookie, principal, &options, Some(USER_AGENT)).unwrap();
    let sid = store.new_id(Some(&new.subject)).unwrap();
    let digests: SecretDigests = Secret::generate(sid).unwrap().digests(new.kind);
    let limits = Deadlines::starting(Lifetime::default(), NOW);
    let mut record = Record::new(sid, new.kind, digests, Some(new.subject), limits, NOW);
    record.set_principal(new.principal);
    record.details = new.details;
    record
}

/// How many bytes of this process are in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
