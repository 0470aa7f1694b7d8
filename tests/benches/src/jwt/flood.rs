//! Counts how many tokens in use a flood of other tokens pushes out of the cache.
//!
//! An attacker can send any number of tokens. The count shows how well the cache keeps the tokens of
//! active users meanwhile.

use auth_jwt::{JwtAuth, Key, Validation};
use http::{Request, StatusCode};
use tower::{Layer, Service, service_fn};

use crate::drive::{Body, bare, poll_now};
use crate::jwt::issuer::Alg;
use crate::jwt::tokens::{AUDIENCE, ISSUER, Tokens};

/// The number of tokens in use.
const IN_USE: usize = 100;
/// The number of tokens that are verified once before the flood: more than the cache can hold. A cache with
/// room left would keep every token.
const BEFORE: usize = 20_000;

/// The tokens of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Tokens of our issuer.
    Valid,
    /// Tokens of our issuer with a wrong signature.
    Forged,
}

/// Returns how many times tokens in use were verified again because of a flood of `others` tokens. Each
/// token in use comes `times` times before the flood and once after it; during the flood, one of them comes
/// after every `one_in` others.
///
/// The number is exact: it is counted by the cache, which has its default size.
pub fn flood(of: Flood, others: usize, times: usize, one_in: Option<usize>) -> u64 {
    let tokens = Tokens::new(Alg::EdDsa, IN_USE + BEFORE + others);
    let validation = Validation::new().issuer(ISSUER).audience(AUDIENCE);
    let key = Key::from_jwk(&tokens.issuer.jwk().to_string()).unwrap();
    let auth = JwtAuth::new(key).validation(validation);
    let mut service = auth.layer(service_fn(bare));
    let mut request = |token: &str| {
        let value = format!("Bearer {token}");
        let request = Request::get("/").header("authorization", value).body(Body::default());
        poll_now(service.call(request.unwrap())).unwrap().status()
    };
    // Returns how many times the token had to be verified: 0 or 1.
    let mut misses = |token: &str| {
        let before = auth.cache_stats().misses;
        assert!(request(token).is_success());
        auth.cache_stats().misses - before
    };
    let (in_use, others) = tokens.texts().split_at(IN_USE);
    let (before, others) = others.split_at(BEFORE);
    before.iter().for_each(|token| _ = misses(token));
    let first: u64 =
        (0..times).map(|_| in_use.iter().map(|token| misses(token)).sum::<u64>()).sum();
    assert_eq!(first, IN_USE as u64, "each token is verified once");
    let mut verified = 0;
    for (number, token) in others.iter().enumerate() {
        match of {
            Flood::Valid => _ = misses(token),
            Flood::Forged => assert_eq!(request_forged(&auth, token), StatusCode::UNAUTHORIZED),
        }
        if let Some(one_in) = one_in.filter(|one_in| number % one_in == 0) {
            verified += misses(&in_use[number / one_in % IN_USE]);
        }
    }
    verified + in_use.iter().map(|token| misses(token)).sum::<u64>()
}

fn request_forged(auth: &JwtAuth, token: &str) -> StatusCode {
    let request = Request::get("/").header("authorization", format!("Bearer {}", forged(token)));
    let mut service = auth.layer(service_fn(bare));
    poll_now(service.call(request.body(Body::default()).unwrap())).unwrap().status()
}

/// Returns the token with a wrong signature.
fn forged(token: &str) -> String {
    let at = token.rfind('.').unwrap() + 1;
    let other = if token[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
