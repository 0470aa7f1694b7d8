//! Time per request, net of the bare service, as ratios to tower-sessions: medians of many short runs. The
//! cases take turns, so noise of the machine affects all of them alike.
//!
//! `cargo bench --bench ratios`; add `-- --million` to measure a million sign-ins as well.

use std::sync::{Arc, Barrier};
use std::time::Instant;

use auth_benches::{BATCH, Case, Ours, axum_login_case, median, medians, tower_sessions_cases};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

/// The number of turns of each case.
const ROUNDS: usize = 12;
/// The requests per turn: enough to use each of ten thousand sign-ins once.
const TURN: usize = 10_000;
/// The runs per turn.
const RUNS: usize = TURN / BATCH + 1;

fn main() {
    compare(10_000);
    two_threads();
    info_subscriber();
    if std::env::args().any(|arg| arg == "--million") {
        compare(1_000_000);
    }
}

fn compare(sign_ins: usize) {
    let ours = Ours::with(sign_ins);
    let [value, untouched, no_cookie] = tower_sessions_cases(sign_ins);
    let mut cases = vec![
        ours.bare(),
        ours.identity(),
        ours.session_value(),
        Ours::with(sign_ins.min(10_000)).session_update(),
        value,
        axum_login_case(sign_ins.min(10_000)),
        ours.untouched(),
        untouched,
        ours.no_cookie(),
        no_cookie,
    ];
    let nanos = medians(&mut cases, sign_ins, TURN, ROUNDS);
    let net = |case: usize| nanos[case] - nanos[0];
    println!("\n{sign_ins} sign-ins: net of the bare service ({:.0} ns)", nanos[0]);
    println!("{:<40}{:>10}{:>22}", "case", "net ns", "to tower-sessions");
    for (case, peer) in [(1, 4), (2, 4), (3, 4), (4, 4), (5, 4), (6, 7), (7, 7), (8, 9), (9, 9)] {
        println!("{:<40}{:>10.0}{:>22.2}", cases[case].name, net(case), net(case) / net(peer));
    }
}

/// Returns the requests per nanosecond of this many threads, each with its own clone of the service.
fn throughput(case: &Case, threads: usize) -> f64 {
    const BATCHES: usize = 400;
    let start = Arc::new(Barrier::new(threads));
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (mut case, start) = (case.fork(), Arc::clone(&start));
            std::thread::spawn(move || {
                (0..BATCHES / 8).for_each(|_| _ = case.nanos());
                start.wait();
                let started = Instant::now();
                (0..BATCHES).for_each(|_| _ = case.nanos());
                (BATCHES * BATCH) as f64 / started.elapsed().as_nanos() as f64
            })
        })
        .collect();
    workers.into_iter().map(|worker| worker.join().unwrap()).sum()
}

fn two_threads() {
    let ours = Ours::with(10_000);
    let [value, ..] = tower_sessions_cases(10_000);
    let gain = |case: &Case| {
        let gains = (0..9).map(|_| throughput(case, 2) / throughput(case, 1)).collect();
        median(gains)
    };
    let bare = gain(&ours.bare());
    println!(
        "\ntwo threads: speed-up over one thread, relative to that of the bare service ({bare:.2})"
    );
    for case in [ours.identity(), value] {
        println!("{:<40}{:>10.2}", case.name, gain(&case) / bare);
    }
}

/// A writer that discards every formatted event.
#[derive(Clone, Copy)]
struct Discard;

impl std::io::Write for Discard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(std::hint::black_box(bytes).len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Discard {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        *self
    }
}

/// Measures with and without a subscriber, in turns.
fn info_subscriber() {
    let ours = Ours::with(10_000);
    let [value, ..] = tower_sessions_cases(10_000);
    let mut cases = [ours.bare(), ours.identity(), value];
    let (filter, handle) = reload::Layer::new(LevelFilter::OFF);
    let writer = tracing_subscriber::fmt::layer().with_writer(Discard);
    tracing_subscriber::registry().with(filter).with(writer).init();
    let mut nanos = [const { [const { Vec::new() }; 3] }; 2];
    for round in 0..4 * ROUNDS {
        let (on, level) = [(0, LevelFilter::OFF), (1, LevelFilter::INFO)][round % 2];
        handle.modify(|filter| *filter = level).unwrap();
        for (case, nanos) in cases.iter_mut().zip(&mut nanos[on]) {
            (0..RUNS).for_each(|_| _ = case.nanos());
            nanos.extend((0..RUNS).map(|_| case.nanos()));
        }
    }
    let [without, with] = nanos.map(|cases| cases.map(median));
    println!("\nwith an `info` subscriber, relative to none");
    for case in [1, 2] {
        let net = |nanos: &[f64; 3]| nanos[case] - nanos[0];
        println!("{:<40}{:>10.2}", cases[case].name, net(&with) / net(&without));
    }
}
