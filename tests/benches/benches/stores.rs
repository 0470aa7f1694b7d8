//! The stores compared: time per request, round trips and memory. It starts a Redis server on this machine,
//! and takes about two minutes.
//!
//! `cargo bench --bench stores`; add `-- --ten-million` to measure look-ups among ten million sign-ins
//! instead, which needs about 6 GiB of memory.

use std::sync::Arc;

use auth_benches::stores::{Redis, bytes_in_near_cache, bytes_in_redis, lookup};
use auth_benches::{BATCH, Case, Ours, medians};
use auth_store::Store;

/// The sign-ins in rotation: a multiple of the batch, so that all of them have an equal number of turns.
const SIGN_INS: usize = 160 * BATCH;
const ROUNDS: usize = 24;

fn main() {
    if std::env::args().any(|arg| arg == "--ten-million") {
        return ten_million();
    }
    times();
    round_trips();
    memory();
}

/// Measures the whole layer, with a handler that reads the identity.
fn times() {
    let redis = Redis::start();
    let _inside = redis.enter();
    let signed_in = Ours::over(Arc::new(redis.store()), SIGN_INS);
    let memory = Ours::with(SIGN_INS);
    let near = signed_in.moved_to(redis.near(SIGN_INS));
    let mut cases = [
        memory.bare(),
        memory.identity_named("MemoryStore"),
        near.identity_named("NearCache: a hit"),
    ];
    let nanos = medians(&mut cases, SIGN_INS, SIGN_INS, ROUNDS);
    let mut asks = [memory.bare(), signed_in.identity_named("RedisStore")];
    let [bare, asked] = medians(&mut asks, SIGN_INS, SIGN_INS, 2).try_into().unwrap();
    println!(
        "\n{SIGN_INS} sign-ins, the identity: through the whole layer, and net of the bare service"
    );
    println!("{:<24}{:>10}{:>10}{:>22}", "store", "ns", "net ns", "to MemoryStore, net");
    let memory = nanos[1] - nanos[0];
    let line = |name: &str, whole: f64, net: f64| {
        println!("{name:<24}{whole:>10.0}{net:>10.0}{:>22.2}", net / memory);
    };
    for (case, whole) in cases.iter().zip(&nanos).skip(1) {
        line(case.name, *whole, whole - nanos[0]);
    }
    line(asks[1].name, asked, asked - bare);
    println!(
        "{:<44}{:>22.2}  (at most 1.25)",
        "goal: a hit to MemoryStore, whole layer",
        nanos[2] / nanos[1]
    );
}

/// Counts what the server reads per request, including the near cache's heartbeats.
fn round_trips() {
    let redis = Redis::start();
    let _inside = redis.enter();
    let near = redis.near(SIGN_INS);
    let count = |name: &str, run: &mut dyn FnMut()| {
        let before = redis.reads();
        run();
        println!("{name:<24}{:>10.3}", (redis.reads() - before) as f64 / SIGN_INS as f64);
    };
    println!("\nround trips to Redis per request, of {SIGN_INS}");
    let mut ours = None;
    let store: Arc<dyn Store> = Arc::new(redis.store());
    count("sign-in", &mut || ours = Some(Ours::without_values(Arc::clone(&store), SIGN_INS)));
    count("the same, and a value", &mut || drop(Ours::over(Arc::clone(&store), SIGN_INS)));
    let ours = ours.unwrap().moved_to(near);
    let all = |case: &mut Case| (0..SIGN_INS / BATCH).for_each(|_| _ = case.nanos());
    let mut identity = ours.identity();
    count("near cache: a miss", &mut || all(&mut identity));
    count("near cache: a hit", &mut || all(&mut identity));
    let mut sign_out = ours.sign_out();
    count("sign-out", &mut || all(&mut sign_out));
}

fn memory() {
    const MANY: usize = 1_000_000;
    let redis = Redis::start();
    println!(
        "\nbytes per sign-in: subject of 13 bytes, one role, a name, a user agent of 71 bytes"
    );
    let (bytes, _) = bytes_in_redis(&Redis::start(), 10_000);
    println!("{:<48}{bytes:>8.0}", "Redis, 10000 sign-ins (used_memory)");
    let (bytes, ids) = bytes_in_redis(&redis, MANY);
    println!("{:<48}{bytes:>8.0}", "Redis, 1000000 sign-ins (used_memory)");
    let (counted, resident, kept) = bytes_in_near_cache(&redis, &ids);
    println!("{:<48}{counted:>8.0}", format!("near cache, {kept} copies, by its own count"));
    println!("{:<48}{resident:>8.0}", "the same, resident memory");
}

fn ten_million() {
    println!("\na look-up in MemoryStore");
    let [few, many] = [10_000, 10_000_000].map(|sign_ins| {
        let nanos = lookup(sign_ins);
        println!("{sign_ins:>12} sign-ins{nanos:>10.0} ns");
        nanos
    });
    println!("{:<21}{:>10.2}", "ratio", many / few);
}
