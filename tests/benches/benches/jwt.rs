//! Time per request with a bearer token, net of the bare service; all cases take turns. Medians of
//! many short runs, so that a noisy machine hits all of them alike. Allocations are counted by
//! `--bench allocations`: counting them takes time.
//!
//! `cargo bench --bench jwt`

use auth_benches::jwt::{self, Alg, Flood, Tokens, flood};
use auth_benches::{Ours, medians, tower_sessions_cases};

/// Tokens in rotation, each of another user. A miss is what a token meets that nobody has seen; the
/// cache is off for it, so that a thousand tokens do for as many misses as it takes, and still none
/// of them is the one before.
const TOKENS: usize = 1000;
/// How often every case has its turn.
const ROUNDS: usize = 24;

/// A ratio, and what it should be at most.
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

/// Positions in the cases of an algorithm.
const BARE: usize = 0;
const RAW: usize = 1;
const MISS: usize = 2;
const HIT: usize = 3;
const EXTRACTOR: usize = 4;

fn compare(alg: Alg, goals: &mut Vec<Goal>) {
    let tokens = Tokens::new(alg, TOKENS);
    let mut cases = [
        tokens.bare(),
        jwt::raw(&tokens),
        jwt::miss(&tokens),
        jwt::hit(&tokens),
        jwt::extractor(&tokens),
        jwt::jwt_authorizer(&tokens),
        jwt::axum_jwt_auth(&tokens),
        jwt::tower_oauth2_resource_server(&tokens),
    ];
    let nanos = medians(&mut cases, TOKENS, TOKENS, ROUNDS);
    // The raw check is a call of a function: it has no request to take off.
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

/// A token of a sign-in against its record, to a session's read by tower-sessions.
fn sign_in(goals: &mut Vec<Goal>) {
    const SIGN_INS: usize = 10_000;
    let [asks, trusts] = jwt::sign_in_cases(SIGN_INS);
    let [value, ..] = tower_sessions_cases(SIGN_INS);
    let mut cases = [Ours::with(1).bare(), asks, trusts, value];
    let nanos = medians(&mut cases, SIGN_INS, SIGN_INS, ROUNDS);
    println!("\n{SIGN_INS} sign-ins: net of the bare service ({:.0} ns)", nanos[BARE]);
    let net = |case: usize| nanos[case] - nanos[BARE];
    for (at, case) in cases.iter().enumerate().skip(1) {
        println!("{:<40}{:>10.0}", case.name, net(at));
    }
    let (question, read) = (net(1) - net(2), net(3));
    println!("{:<40}{question:>10.0}", "the question alone");
    let name = "a sign-in's check, to tower-sessions' read".to_owned();
    goals.push(Goal { name, ratio: question / read, target: 0.12 });
}

/// Whether tokens in use stay in the cache of ten thousand when others pour in. Those that came
/// once are there to see that one can be lost.
fn floods() {
    println!("\nof 100 tokens, verified again because of a flood of 50 000 others");
    println!(
        "{:<32}{:>12}{:>12}{:>24}",
        "flood", "came once", "came thrice", "and one in 100 since"
    );
    for (name, of) in [("valid tokens, each once", Flood::Valid), ("forged tokens", Flood::Forged)]
    {
        let [once, thrice] = [1, 3].map(|times| flood(of, 50_000, times, None));
        let in_use = flood(of, 50_000, 3, Some(100));
        println!("{name:<32}{once:>12}{thrice:>12}{in_use:>24}");
    }
}
