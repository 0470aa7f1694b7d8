//! Allocations per request, and bytes per sign-in.
//!
//! Both are counts, so every run has the same result, on a busy machine as well. A change that adds an
//! allocation to a request shows here before it shows in a time.

use std::alloc::System;

use auth_benches::jwt::{self, Alg, Tokens};
use auth_benches::{BATCH, Case, Ours, axum_login_case, tower_sessions_cases};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SIGN_INS: usize = 10_000;
const TOKENS: usize = 1000;

fn main() {
    let ours = Ours::with(SIGN_INS);
    let [value, untouched, no_cookie] = tower_sessions_cases(SIGN_INS);
    println!("\nper request, net of the bare service");
    let cases = [
        ours.identity(),
        ours.session_value(),
        ours.session_update(),
        value,
        axum_login_case(SIGN_INS),
        ours.untouched(),
        untouched,
        ours.no_cookie(),
        no_cookie,
    ];
    table(&mut ours.bare(), cases);
    let tokens = Tokens::new(Alg::Rs256, TOKENS);
    println!("\nper request with a token (RS256), net of the bare service, without aws-lc's own");
    table(&mut tokens.bare(), jwt::with_peers(&tokens));
    println!("\nper request with a token of a sign-in (EdDSA)");
    table(&mut tokens.bare(), jwt::sign_in_cases(SIGN_INS));
    println!("\nbytes per sign-in in MemoryStore: subject of 12 bytes, one role, no user agent");
    for sign_ins in [10_000, 100_000, 1_000_000] {
        println!("{sign_ins:>10} sign-ins{:>20.0}", per_sign_in(sign_ins));
    }
}

fn table(bare: &mut Case, cases: impl IntoIterator<Item = Case>) {
    let (bare_count, bare_bytes) = per_request(bare);
    println!("{:<40}{:>14}{:>10}", "case", "allocations", "bytes");
    for mut case in cases {
        let (count, bytes) = per_request(&mut case);
        println!("{:<40}{:>14.1}{:>10.0}", case.name, count - bare_count, bytes - bare_bytes);
    }
}

/// Returns the allocations and the bytes of one request, once all caches are filled.
fn per_request(case: &mut Case) -> (f64, f64) {
    for _ in 0..=SIGN_INS / BATCH {
        case.nanos(); // every sign-in is decoded before the count
    }
    let mut region = Region::new(COUNTED);
    case.run(&mut || region.reset());
    let stats = region.change();
    let count = stats.allocations + stats.reallocations;
    (count as f64 / BATCH as f64, stats.bytes_allocated as f64 / BATCH as f64)
}

/// Returns the bytes that a store uses for one sign-in, including its indexes.
fn per_sign_in(sign_ins: usize) -> f64 {
    let region = Region::new(COUNTED);
    let held = Ours::bare_sign_ins(sign_ins);
    let stats = region.change();
    drop(held);
    (stats.bytes_allocated - stats.bytes_deallocated) as f64 / sign_ins as f64
}
