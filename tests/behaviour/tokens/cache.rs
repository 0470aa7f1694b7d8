//! Cached tokens get the same result as tokens that are verified anew.

use std::time::Duration;

use auth_core::{ManualClock, Outcome};
use auth_jwt::{Algorithm, JwtAuth, Validation};
use serde_json::json;

use super::kit::{NOW, Signer, auth, claims, clock, flip, verify, with, without};

/// Returns the same verifier with caches of different sizes: none, too small for all tokens, large
/// enough.
fn verifiers(signer: &Signer, clock: &ManualClock) -> Vec<JwtAuth> {
    let validation = Validation::new().audience("shop").max_age(Duration::from_secs(1000));
    let auth = auth(signer.key.clone()).validation(validation).clock(clock.clock());
    [0, 1, 3, 10_000].map(|tokens| auth.clone().cache_capacity(tokens)).into()
}

/// Returns valid and invalid tokens, and some that expire during the test.
fn tokens(signer: &Signer) -> Vec<String> {
    let good = signer.token(&claims());
    let mut tokens = vec![
        flip(&good),
        good,
        signer.token(&with(json!({ "nbf": NOW + 100 }))),
        signer.token(&with(json!({ "exp": NOW + 20 }))),
        signer.token(&with(json!({ "exp": NOW - 70 }))),
        signer.token(&with(json!({ "exp": NOW + 100_000 }))),
        signer.token(&with(json!({ "aud": "bank" }))),
        signer.token(&with(json!({ "sub": "bob", "roles": ["admin"] }))),
        signer.token(&without("iat")),
        "a.b.c".to_owned(),
    ];
    tokens.extend((0..20).map(|jti| signer.token(&with(json!({ "jti": jti.to_string() })))));
    tokens
}

#[tokio::test]
async fn every_cache_size_gives_the_same_results() {
    for algorithm in [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa] {
        let signer = Signer::new(algorithm);
        let clock = clock();
        let verifiers = verifiers(&signer, &clock);
        let tokens = tokens(&signer);
        for _ in 0..12 {
            for token in tokens.iter().chain(&tokens) {
                let mut answers = Vec::new();
                for auth in &verifiers {
                    answers.push(match verify(auth, token).await {
                        Ok(alice) => {
                            Ok((alice.principal().clone(), alice.authentication().clone()))
                        }
                        Err(reason) => Err(reason),
                    });
                }
                let same = answers.windows(2).all(|pair| pair[0] == pair[1]);
                assert!(same, "{token} at {:?}: {answers:?}", clock.now());
            }
            clock.advance(Duration::from_secs(10));
        }
    }
}

/// A token does not get the result of another one of the same length, with the same start, or with
/// the same end.
#[tokio::test]
async fn similar_tokens_are_not_confused() {
    let signer = Signer::new(Algorithm::EdDsa);
    let auth = auth(signer.key.clone());
    let names: Vec<String> = (0..300).map(|name| format!("user-{name:03}")).collect();
    let tokens: Vec<String> =
        names.iter().map(|name| signer.token(&with(json!({ "sub": name })))).collect();
    for _ in 0..3 {
        for (name, token) in names.iter().zip(&tokens) {
            let Outcome::Authenticated(identity) = auth.verify(token.as_bytes()).await else {
                panic!("{name} is refused");
            };
            assert_eq!(identity.subject(), name);
        }
    }
}

/// Many threads verify valid and invalid tokens at the same time with one cache.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_that_share_the_cache_get_the_same_results() {
    let signer = Signer::new(Algorithm::EdDsa);
    let auth = auth(signer.key.clone()).cache_capacity(8);
    let good: Vec<String> =
        (0..16).map(|name| signer.token(&with(json!({ "sub": format!("user-{name}") })))).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for start in 0..4 {
        let (auth, good) = (auth.clone(), good.clone());
        tasks.spawn(async move {
            for round in 0..200 {
                let name = (start * 5 + round) % good.len();
                let answer = auth.verify(good[name].as_bytes()).await;
                let Outcome::Authenticated(identity) = answer else { panic!("{answer:?}") };
                assert_eq!(identity.subject(), format!("user-{name}"));
                let forged = auth.verify(flip(&good[name]).as_bytes()).await;
                assert!(matches!(forged, Outcome::Rejected(_)));
            }
        });
    }
    tasks.join_all().await;
}
