//! Time per request with a bearer token, net of the bare service: medians of many short runs. The cases take
//! turns, so noise of the machine affects all of them alike. `--bench allocations` counts allocations
//! separately, because counting takes time.
//!
//! `cargo bench --bench jwt`

use auth_benches::jwt::{self, Alg, Flood, Tokens, flood};
use auth_benches::{Ours, medians, tower_sessions_cases};

/// The tokens in rotation, each of another user. The misses are measured with the cache off, so that a
/// thousand tokens are enough for any number of misses.
const TOKENS: usize = 1000;
/// The number of turns of each case.
const ROUNDS: usize = 24;

/// A ratio, and its maximum.
struct Goal {
    name: String,
    ratio: f64,
    target: f64,
}

fn main() {
    let mut goals = Vec::new();
    compare(Alg::Hs256, &mut goals);
    compare(Alg::Rs256, &mut goals);
    compare(Alg::Es256, &mut goals);
    compare(Alg::EdDsa, &mut goals);
    sign_in(&mut goals);
    floods();
    println!("\n{:<56}{:>8}{:>8}", "goals", "ratio", "at most");
    for Goal { name, ratio, target } in goals {
        println!("{name:<56}{ratio:>8.3}{target:>8.3}");
    }
}

/// The positions of the cases of an algorithm.
const BARE: usize = 0;
const RAW: usize = 1;
const MISS: usize = 2;
const HIT: usize = 3;
const EXTRACTOR: usize = 4;

fn compare(alg: Alg, goals: &mut Vec<Goal>) {
    let tokens = Tokens::new(alg, TOKENS);
    let mut cases = vec![tokens.bare(), jwt::raw(&tokens)];
    cases.extend(jwt::with_peers(&tokens));
    let nanos = medians(&mut cases, TOKENS, TOKENS, ROUNDS);
    // The raw check is a function call without a request to subtract.
    let net = |case: usize| nanos[case] - if case == RAW { 0.0 } else { nanos[BARE] };
    let (name, size) = (alg.name(), tokens.size());
    println!("\n{name}, {size} bytes: net of the bare service ({:.0} ns)", nanos[BARE]);
    println!("{:<40}{:>10}{:>18}", "case", "net ns", "to the raw check");
    for (at, case) in cases.iter().enumerate().skip(RAW) {
        println!("{:<40}{:>10.0}{:>18.2}", case.name, net(at), net(at) / net(RAW));
    }
    let mut goal = |name: String, ratio, target| goals.push(Goal { name, ratio, target });
    let miss = |target| (format!("{name}: a miss, to the raw check"), net(MISS) / net(RAW), target);
    let (text, ratio, target) = match alg {
        Alg::Hs256 => {
            let fastest = (EXTRACTOR..cases.len()).map(net).reduce(f64::min).unwrap();
            goal("HS256: a hit, to the fastest peer".to_owned(), net(HIT) / fastest, 0.45);
            ("HS256: a miss, to the fastest peer".to_owned(), net(MISS) / fastest, 0.45)
        }
        Alg::Rs256 => {
            goal("RS256: a hit, to the extractor".to_owned(), net(HIT) / net(EXTRACTOR), 0.045);
            miss(1.25)
        }
        Alg::Es256 | Alg::EdDsa => miss(1.08),
    };
    goal(text, ratio, target);
}

/// Compares the look-up of a token's sign-in with the read of a session in tower-sessions.
fn sign_in(goals: &mut Vec<Goal>) {
    const SIGN_INS: usize = 10_000;
    let [with_store, without_store] = jwt::sign_in_cases(SIGN_INS);
    let [value, ..] = tower_sessions_cases(SIGN_INS);
    let mut cases = [Ours::with(1).bare(), with_store, without_store, value];
    let nanos = medians(&mut cases, SIGN_INS, SIGN_INS, ROUNDS);
    println!("\n{SIGN_INS} sign-ins: net of the bare service ({:.0} ns)", nanos[BARE]);
    let net = |case: usize| nanos[case] - nanos[BARE];
    for (at, case) in cases.iter().enumerate().skip(1) {
        println!("{:<40}{:>10.0}", case.name, net(at));
    }
    let (lookup, read) = (net(1) - net(2), net(3));
    println!("{:<40}{lookup:>10.0}", "the look-up alone");
    let name = "a sign-in's check, to tower-sessions' read".to_owned();
    goals.push(Goal { name, ratio: lookup / read, target: 0.12 });
}

/// Counts how many of 100 tokens a flood of others pushes out of a cache of ten thousand. Tokens that came
/// once before the flood show that tokens can be lost at all.
fn floods() {
    println!("\nverifications of 100 tokens because of a flood of 50 000 others");
    println!(
        "{:<32}{:>12}{:>12}{:>24}",
        "flood", "seen once", "seen thrice", "and during the flood"
    );
    for (name, of) in [("valid tokens, each once", Flood::Valid), ("forged tokens", Flood::Forged)]
    {
        let [once, thrice] = [1, 3].map(|times| flood(of, 50_000, times, None));
        let in_use = flood(of, 50_000, 3, Some(100));
        println!("{name:<32}{once:>12}{thrice:>12}{in_use:>24}");
    }
}
