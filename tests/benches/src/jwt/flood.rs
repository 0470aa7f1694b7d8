//! Whether tokens in use stay in our cache when many others come.

use auth_jwt::{JwtAuth, Key, Validation};
use http::{Request, StatusCode};
use tower::{Layer, Service, service_fn};

use crate::drive::{Body, bare, poll_now};
use crate::jwt::issuer::Alg;
use crate::jwt::tokens::{AUDIENCE, ISSUER, Tokens};

/// How many tokens are in use.
const IN_USE: usize = 100;
/// How many came before, once each: more than the cache holds. A cache with room takes everybody
/// for good.
const BEFORE: usize = 20_000;

/// What the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Tokens of our issuer.
    Valid,
    /// The same with another signature.
    Forged,
}

/// How often tokens were verified again, since this flood began. Each came so many times before,
/// and comes once more after. Meanwhile one of them comes after so many others, or none.
///
/// It is an exact number, counted by the cache, which has its default size.
pub fn flood(of: Flood, others: usize, times: usize, one_in: Option<usize>) -> u64 {
    let tokens = Tokens::new(Alg::EdDsa, IN_USE + BEFORE + others);
    let policy = Validation::new().issuer(ISSUER).audience(AUDIENCE);
    let key = Key::from_jwk(&tokens.issuer.jwk().to_string()).unwrap();
    let auth = JwtAuth::new(key).policy(policy);
    let mut service = auth.layer(service_fn(bare));
    let mut ask = |token: &str| {
        let value = format!("Bearer {token}");
        let request = Request::get("/").header("authorization", value).body(Body::default());
        poll_now(service.call(request.unwrap())).unwrap().status()
    };
    // How often it had to be verified: once or not at all.
    let mut again = |token: &str| {
        let before = auth.cache_stats().misses;
        assert!(ask(token).is_success());
        auth.cache_stats().misses - before
    };
    let (in_use, others) = tokens.texts().split_at(IN_USE);
    let (before, others) = others.split_at(BEFORE);
    before.iter().for_each(|token| _ = again(token));
    let first: u64 = (0..times).map(|_| in_use.iter().map(|token| again(token)).sum::<u64>()).sum();
    assert_eq!(first, IN_USE as u64, "each was verified once");
    let mut verified = 0;
    for (number, token) in others.iter().enumerate() {
        match of {
            Flood::Valid => _ = again(token),
            Flood::Forged => assert_eq!(ask_forged(&auth, token), StatusCode::UNAUTHORIZED),
        }
        if let Some(one_in) = one_in.filter(|one_in| number % one_in == 0) {
            verified += again(&in_use[number / one_in % IN_USE]);
        }
    }
    verified + in_use.iter().map(|token| again(token)).sum::<u64>()
}

fn ask_forged(auth: &JwtAuth, token: &str) -> StatusCode {
    let request = Request::get("/").header("authorization", format!("Bearer {}", forged(token)));
    let mut service = auth.layer(service_fn(bare));
    poll_now(service.call(request.body(Body::default()).unwrap())).unwrap().status()
}

/// The same token with another signature.
fn forged(token: &str) -> String {
    let at = token.rfind('.').unwrap() + 1;
    let other = if token[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
