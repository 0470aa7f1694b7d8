//! Tokens of other issuers that are revoked before they expire.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{Claims, Timestamp};
use auth_jwt::{Algorithm, JwtAuth, Revocations, Validation};
use auth_store::MemoryStore;
use serde_json::{Value, json};

use super::kit::{NOW, Signer, auth, clock, rejection, verify, with};
use crate::harness::{Fault, Framework, Op, TestBackend, World};

const ISSUER: &str = "https://a.example";

/// A verifier with a list of revocations.
struct Verifier {
    signer: Signer,
    auth: JwtAuth<Claims>,
    list: Revocations,
}

impl Verifier {
    fn new() -> Self {
        let list = Revocations::new(MemoryStore::new()).clock(clock().clock());
        let signer = Signer::new(Algorithm::EdDsa);
        let auth = auth(signer.key.clone()).issuer(ISSUER).revocations(list.clone());
        Self { signer, auth, list }
    }

    /// Returns a token with these claims that was accepted.
    async fn accepted(&self, claims: Value) -> String {
        let token = self.token(claims);
        assert!(verify(&self.auth, &token).await.is_ok());
        token
    }

    fn token(&self, claims: Value) -> String {
        let Value::Object(mut claims) = claims else { panic!("no claims") };
        claims.insert("iss".to_owned(), json!(ISSUER));
        self.signer.token(&with(claims.into()))
    }

    async fn is_revoked(&self, token: &str) -> bool {
        match verify(&self.auth, token).await {
            Ok(_) => false,
            Err(reason) => {
                assert_eq!(reason.as_str(), "revoked");
                true
            }
        }
    }
}

#[tokio::test]
async fn sec_58_a_token_is_revoked_by_its_id() {
    let it = Verifier::new();
    let (one, two) = (it.accepted(json!({ "jti": "1" })).await, it.token(json!({ "jti": "2" })));
    it.list.revoke_token("https://b.example", "1").await.unwrap();
    assert!(!it.is_revoked(&one).await, "it is another issuer's");
    it.list.revoke_token(ISSUER, "1").await.unwrap();
    assert!(it.is_revoked(&one).await, "although it is cached");
    assert!(!it.is_revoked(&two).await && !it.is_revoked(&it.token(json!({}))).await);
    let again = it.token(json!({ "jti": "1", "name": "Alice" }));
    assert!(it.is_revoked(&again).await, "the name counts, not the token");
}

#[tokio::test]
async fn sec_58_a_session_at_the_issuer_is_revoked() {
    let it = Verifier::new();
    let token = it.accepted(json!({ "sid": "s" })).await;
    let other = it.accepted(json!({ "sid": "t" })).await;
    it.list.revoke_session(ISSUER, "s").await.unwrap();
    assert!(it.is_revoked(&token).await && !it.is_revoked(&other).await);
    let later = it.token(json!({ "sid": "s", "iat": NOW + 30 }));
    assert!(it.is_revoked(&later).await, "no token belongs to a session that has ended");
}

#[tokio::test]
async fn sec_58_the_tokens_of_a_subject_are_revoked_until_a_time() {
    let it = Verifier::new();
    let issued = |secs: u64| it.token(json!({ "iat": secs }));
    let tokens = [issued(NOW - 1), issued(NOW), issued(NOW + 1)];
    for token in &tokens {
        assert!(!it.is_revoked(token).await);
    }
    it.list.revoke_subject(ISSUER, "alice", Timestamp::from_secs(NOW)).await.unwrap();
    assert!(it.is_revoked(&tokens[0]).await && it.is_revoked(&tokens[1]).await);
    assert!(!it.is_revoked(&tokens[2]).await, "the user has logged in again");
    assert!(it.is_revoked(&it.token(json!({ "iat": null }))).await, "its age is not known");
    assert!(!it.is_revoked(&it.token(json!({ "sub": "bob" }))).await);
}

#[tokio::test]
async fn a_revocation_is_kept_for_the_longest_lifetime_of_a_token() {
    let clock = clock();
    let list = Revocations::new(MemoryStore::new()).clock(clock.clock());
    let list = list.max_token_lifetime(Duration::from_secs(100));
    let signer = Signer::new(Algorithm::EdDsa);
    let auth = auth(signer.key.clone()).clock(clock.clock()).revocations(list.clone());
    let day = Duration::from_secs(24 * 3600); // by which it is kept longer, for the leeway
    let token = signer.token(&with(json!({ "jti": "1", "exp": NOW + 3 * day.as_secs() })));
    list.revoke_token("", "1").await.unwrap(); // the token names no issuer
    clock.advance(day + Duration::from_secs(99));
    assert_eq!(rejection(&auth, &token).await, "revoked");
    clock.advance(Duration::from_secs(1));
    assert!(verify(&auth, &token).await.is_ok());
}

#[tokio::test]
async fn tokens_of_a_further_issuer_are_revoked_in_either_order_of_the_options() {
    let [own, further] = [Signer::new(Algorithm::EdDsa), Signer::new(Algorithm::Es256)];
    for list_first in [true, false] {
        let list = Revocations::new(MemoryStore::new()).clock(clock().clock());
        let validation = Validation::new().issuer(ISSUER).audience("shop");
        let auth = auth(own.key.clone()).issuer("https://shop.example");
        let auth = if list_first {
            auth.revocations(list.clone()).trusted_issuer(further.key.clone(), validation)
        } else {
            auth.trusted_issuer(further.key.clone(), validation).revocations(list.clone())
        };
        let token = further.token(&with(json!({ "iss": ISSUER, "jti": "1" })));
        assert!(verify(&auth, &token).await.is_ok());
        list.revoke_token(ISSUER, "1").await.unwrap();
        assert_eq!(rejection(&auth, &token).await, "revoked");
    }
}

#[tokio::test]
async fn without_a_cache_of_tokens_revocations_count_as_well() {
    let Verifier { signer, auth, list } = Verifier::new();
    let it = Verifier { signer, auth: auth.cache_capacity(0), list };
    let token = it.accepted(json!({ "jti": "1" })).await;
    it.list.revoke_token(ISSUER, "1").await.unwrap();
    assert!(it.is_revoked(&token).await);
}

/// A store that does not answer makes no revoked token valid.
#[tokio::test]
async fn sec_76_without_the_store_a_token_is_unavailable() {
    let world = World::start(TestBackend::jwt(), Framework::Axum).await;
    let list = Revocations::new(Arc::clone(&world.store)).clock(clock().clock());
    let signer = Signer::new(Algorithm::EdDsa);
    let auth = auth(signer.key.clone()).revocations(list.clone());
    let token = signer.token(&with(json!({ "jti": "1" })));
    world.store.set(Op::Peek, Fault::Fails);
    world.store.set(Op::Load, Fault::Fails);
    let outcome = auth.verify(token.as_bytes()).await;
    assert!(matches!(outcome, auth_core::Outcome::Unavailable(_)), "{outcome:?}");
    list.revoke_token("", "1").await.expect_err("it is not stored");
    world.store.clear_faults();
    assert!(verify(&auth, &token).await.is_ok());
    list.revoke_token("", "1").await.unwrap();
    assert_eq!(rejection(&auth, &token).await, "revoked");
}
