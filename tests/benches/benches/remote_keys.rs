//! Keys that are fetched: a token in the cache, compared with keys at hand, and a flood of tokens with made-up
//! keys.
//!
//! `cargo bench --bench remote_keys`

use auth_benches::jwt::{self, Alg, Tokens, UnknownKeys};
use auth_benches::medians;

const TOKENS: usize = 1000;

fn main() {
    let tokens = Tokens::new(Alg::Rs256, TOKENS);
    let mut cases = [tokens.bare(), jwt::hit(&tokens), jwt::hit_with_remote_keys(&tokens)];
    let nanos = medians(&mut cases, TOKENS, TOKENS, 24);
    println!("RS256, a verified token again, net of the bare service ({:.0} ns)", nanos[0]);
    for (case, time) in cases.iter().zip(&nanos).skip(1) {
        println!("{:<40}{:>10.0} ns", case.name, time - nanos[0]);
    }

    println!("\n4,000 requests with good tokens, beside tokens with made-up keys");
    println!(
        "{:<12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "flood", "p50", "p99", "longest", "refused", "fetches", "took"
    );
    for (name, is_flooded) in [("none", false), ("flood", true), ("none", false), ("flood", true)] {
        let UnknownKeys { p50, p99, longest, refused, fetches, took } =
            jwt::unknown_keys(&tokens, 4000, is_flooded);
        println!(
            "{name:<12}{p50:>10.1?}{p99:>10.1?}{longest:>10.1?}{refused:>10}{fetches:>10}{took:>10.1?}"
        );
    }
}
