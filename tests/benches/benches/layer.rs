//! Each case alone, with divan's statistics and allocation profile.
//!
//! Use it to look at one case in detail. `ratios` compares the cases with each other.

use std::time::Duration;

use auth_benches::{BATCH, Case, Ours, axum_login_case, tower_sessions_cases};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::Divan::from_args().min_time(Duration::from_secs(1)).main();
}

const CASES: [&str; 9] = [
    "ours: identity",
    "ours: identity and a session value",
    "ours: a session value updated",
    "ours: untouched",
    "ours: no cookie",
    "tower-sessions: one value",
    "tower-sessions: untouched",
    "tower-sessions: no cookie",
    "axum-login: the user",
];

fn case(name: &str) -> Case {
    let ours = Ours::with(10_000);
    let [value, untouched, no_cookie] = tower_sessions_cases(10_000);
    let all = [
        ours.identity(),
        ours.session_value(),
        ours.session_update(),
        ours.untouched(),
        ours.no_cookie(),
        value,
        untouched,
        no_cookie,
        axum_login_case(10_000),
    ];
    all.into_iter().find(|case| case.name == name).unwrap()
}

/// Measures a batch of requests, including their creation.
#[divan::bench(args = CASES)]
fn batch(bencher: Bencher<'_, '_>, name: &str) {
    let mut case = case(name);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| case.nanos());
}
