//! Whether tokens in use stay in our cache when many others come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_jwt::{JwtAuth, Key, Policy};
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
/// It is an exact number: a policy's own check runs when a token is verified, and not when it is
/// found in the cache, which has its default size.
pub fn flood(of: Flood, others: usize, times: usize, one_in: Option<usize>) -> usize {
    let tokens = Tokens::new(Alg::EdDsa, IN_USE + BEFORE + others);
    let verified = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&verified);
    let last = format!("user-{:07}", IN_USE - 1);
    let count = move |claims: &auth_core::Claims| {
        let in_use = claims.get("sub").is_some_and(|sub| sub.as_str() <= Some(&last));
        counter.fetch_add(usize::from(in_use), Ordering::Relaxed);
        Ok(())
    };
    let policy = Policy::new().issuer(ISSUER).audience(AUDIENCE).check(count);
    let key = Key::from_jwk(&tokens.issuer.jwk().to_string()).unwrap();
    let mut service = JwtAuth::new(key).policy(policy).layer(service_fn(bare));
    let mut ask = |token: &str| {
        let value = format!("Bearer {token}");
        let request = Request::get("/").header("authorization", value).body(Body::default());
        poll_now(service.call(request.unwrap())).unwrap().status()
    };
    let (in_use, others) = tokens.texts().split_at(IN_USE);
    let (before, others) = others.split_at(BEFORE);
    before.iter().for_each(|token| assert!(ask(token).is_success()));
    for _ in 0..times {
        in_use.iter().for_each(|token| assert!(ask(token).is_success()));
    }
    assert_eq!(verified.swap(0, Ordering::Relaxed), IN_USE, "each was verified once");
    for (number, token) in others.iter().enumerate() {
        match of {
            Flood::Valid => assert!(ask(token).is_success()),
            Flood::Forged => assert_eq!(ask(&forged(token)), StatusCode::UNAUTHORIZED),
        }
        if let Some(one_in) = one_in.filter(|one_in| number % one_in == 0) {
            assert!(ask(&in_use[number / one_in % IN_USE]).is_success());
        }
    }
    in_use.iter().for_each(|token| assert!(ask(token).is_success()));
    verified.load(Ordering::Relaxed)
}

/// The same token with another signature.
fn forged(token: &str) -> String {
    let at = token.rfind('.').unwrap() + 1;
    let other = if token[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
