//! The rotation of signing keys.

use std::time::Duration;

use auth_core::ManualClock;
use auth_jwt::{Algorithm, JwtAuth, KeySet, SigningKey, SigningKeys, Signs, WithdrawError};
use serde_json::{Value, json};

use super::kit::{NOW, auth, clock, decoded, parts, rejection, verify, with};

const LEAD: Duration = Duration::from_secs(600);
const LONGEST: Duration = Duration::from_secs(3600);
/// How much the clocks of verifiers may differ.
const SLACK: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);

struct Node {
    keys: SigningKeys,
    clock: ManualClock,
    /// Verifies with the keys themselves, and caches verified tokens.
    auth: JwtAuth<auth_core::Claims, Signs>,
}

impl Node {
    fn of(key: SigningKey) -> Self {
        let clock = clock();
        let keys = SigningKeys::new(key).clock(clock.clock());
        let keys = keys.publish_lead(LEAD).max_token_lifetime(LONGEST);
        let auth = auth(keys.clone()).clock(clock.clock());
        Self { keys, clock, auth }
    }

    /// Returns a token whose own lifetime is several days.
    fn token(&self) -> String {
        self.keys.sign("JWT", &with(json!({ "exp": NOW + 1_000_000 }))).unwrap()
    }

    /// Returns the verifier of another service that has just fetched the set.
    fn remote_verifier(&self) -> JwtAuth {
        auth(KeySet::from_jwks(&self.keys.jwks()).unwrap()).clock(self.clock.clock())
    }

    fn published(&self) -> Vec<String> {
        let jwks: Value = serde_json::from_str(&self.keys.jwks()).unwrap();
        let keys = jwks["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }
}

fn key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::EdDsa).unwrap().with_kid(kid)
}

/// Returns the `kid` of the key that signed.
fn signer(token: &str) -> String {
    let header: Value = serde_json::from_slice(&decoded(parts(token)[0])).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sec_60_a_new_key_is_published_before_it_signs() {
    let node = Node::of(key("old"));
    node.keys.rotate(key("new")).unwrap();
    assert_eq!(node.published(), ["old", "new"]);
    let fetched = node.remote_verifier();
    node.clock.advance(LEAD - MOMENT);
    assert_eq!(signer(&node.token()), "old");
    node.clock.advance(MOMENT);
    let token = node.token();
    assert_eq!(signer(&token), "new");
    assert!(verify(&fetched, &token).await.is_ok(), "the set was fetched before the key signed");
    assert!(verify(&node.auth, &token).await.is_ok());
}

#[tokio::test]
async fn sec_60_an_old_key_is_accepted_until_its_last_token_expires() {
    let node = Node::of(key("old"));
    let first = node.token();
    node.keys.rotate(key("new")).unwrap();
    node.clock.advance(LEAD - MOMENT);
    let last = node.token();
    assert_eq!(signer(&last), "old");
    node.clock.advance(LONGEST + SLACK);
    for token in [&first, &last] {
        assert!(verify(&node.auth, token).await.is_ok());
        assert!(verify(&node.remote_verifier(), token).await.is_ok());
    }
    assert_eq!(node.published(), ["old", "new"]);
    node.clock.advance(MOMENT);
    for token in [&first, &last] {
        assert_eq!(
            rejection(&node.auth, token).await,
            "unknown key",
            "the cached token is rejected, too"
        );
        assert_eq!(rejection(&node.remote_verifier(), token).await, "unknown key");
    }
    assert_eq!(node.published(), ["new"]);
    assert!(verify(&node.auth, node.token()).await.is_ok());
}

#[tokio::test]
async fn sec_60_a_withdrawn_key_is_rejected() {
    for remembered in [0, 10_000] {
        let node = Node::of(key("stolen"));
        let auth = node.auth.clone().cache_capacity(remembered);
        let token = node.token();
        node.keys.rotate(key("new")).unwrap();
        assert!(verify(&auth, &token).await.is_ok());
        node.keys.withdraw("stolen").unwrap();
        assert_eq!(rejection(&auth, &token).await, "unknown key");
        assert_eq!(node.published(), ["new"]);
        let token = node.token();
        assert_eq!(signer(&token), "new", "the successor signs before every verifier knows it");
        assert!(verify(&auth, &token).await.is_ok());
    }
}

/// The key of another node, which this node accepts first and then rotates to.
#[tokio::test]
async fn sec_60_a_cached_token_ends_with_a_key_added_twice() {
    let node = Node::of(key("first"));
    let next = key("next");
    let keys = node.keys.clone().add_verifying(next.clone());
    let remote_verifier = Node::of(next.clone());
    let token = remote_verifier.token();
    assert!(verify(&node.auth, &token).await.is_ok());
    keys.rotate(next).unwrap();
    assert!(verify(&node.auth, &token).await.is_ok());
    keys.withdraw("next").unwrap();
    assert_eq!(rejection(&node.auth, &token).await, "unknown key");
}

#[test]
fn sec_60_the_last_key_is_not_withdrawn() {
    let node = Node::of(key("only"));
    assert_eq!(node.keys.withdraw("other"), Err(WithdrawError::Unknown));
    assert_eq!(node.keys.withdraw("only"), Err(WithdrawError::Last));
    assert_eq!(signer(&node.token()), "only");
}

/// The next key is found to be bad, so the current key has to continue.
#[tokio::test]
async fn sec_60_a_key_stays_valid_when_its_successor_is_withdrawn() {
    let node = Node::of(key("old"));
    node.keys.rotate(key("new")).unwrap();
    node.keys.withdraw("new").unwrap();
    node.clock.advance(LEAD + LONGEST + SLACK);
    let token = node.token();
    assert!(verify(&node.auth, &token).await.is_ok(), "the signing key is accepted");
    assert_eq!(node.published(), ["old"]);
}

/// A rotation is reverted.
#[tokio::test]
async fn sec_60_an_earlier_key_can_be_rotated_to_again() {
    let old = key("old");
    let node = Node::of(old.clone());
    node.keys.rotate(key("new")).unwrap();
    node.clock.advance(LEAD);
    node.keys.rotate(old).unwrap();
    node.clock.advance(LEAD + LONGEST + SLACK);
    let token = node.token();
    assert_eq!(signer(&token), "old");
    assert!(verify(&node.auth, &token).await.is_ok(), "the signing key is accepted");
    assert_eq!(node.published(), ["old"]);
}

#[tokio::test]
async fn sec_60_keys_can_be_rotated_often() {
    let node = Node::of(key("0"));
    let mut tokens = vec![node.token()];
    for kid in ["1", "2", "3"] {
        node.keys.rotate(key(kid)).unwrap();
        node.clock.advance(LEAD / 2); // the previous key has not signed yet
        tokens.push(node.token());
    }
    for token in &tokens {
        assert!(verify(&node.auth, token).await.is_ok(), "{}", signer(token));
    }
    node.clock.advance(LEAD);
    assert_eq!(signer(&node.token()), "3");
    node.clock.advance(LEAD + LONGEST + SLACK);
    for token in &tokens {
        assert_eq!(rejection(&node.auth, token).await, "unknown key", "{}", signer(token));
    }
    assert_eq!(node.published(), ["3"]);
}

/// The nodes of an application do not rotate at the same moment.
#[tokio::test]
async fn sec_60_nodes_accept_each_others_keys() {
    let (old, new) = (key("old"), key("new"));
    let behind = Node::of(old.clone());
    let ahead = Node::of(new.clone());
    let behind = auth(behind.keys.add_verifying(new)).clock(behind.clock.clock());
    let ahead_keys = ahead.keys.clone().add_verifying(old.clone());
    assert!(verify(&behind, ahead.token()).await.is_ok());
    let token = Node::of(old).token();
    assert!(verify(&ahead.auth, &token).await.is_ok());
    assert_eq!(
        signer(&ahead_keys.sign("JWT", &json!({})).unwrap()),
        "new",
        "the accepted key does not sign"
    );
}

/// When the signing key is withdrawn, its successor signs, and not a key that was only accepted.
#[test]
fn sec_60_an_accepted_key_does_not_take_over() {
    let node = Node::of(key("stolen"));
    let keys = node.keys.clone().add_verifying(key("of another node"));
    keys.rotate(key("new")).unwrap();
    keys.withdraw("stolen").unwrap();
    assert_eq!(signer(&node.token()), "new");
    node.clock.advance(LEAD);
    assert_eq!(signer(&node.token()), "new");
}

/// A key may be in two key rings, for example for sign-ins and for links in emails.
#[tokio::test]
async fn sec_60_a_rotation_here_ends_no_key_elsewhere() {
    let shared = key("shared");
    let [here, there] = [Node::of(shared.clone()), Node::of(shared)];
    here.keys.rotate(key("new")).unwrap();
    there.clock.advance(LEAD + LONGEST + SLACK);
    assert!(verify(&there.auth, there.token()).await.is_ok(), "the signing key is accepted");
    here.keys.withdraw("shared").unwrap();
    assert!(verify(&there.auth, there.token()).await.is_ok(), "the signing key is accepted");
    assert_eq!(there.published(), ["shared"]);
}

/// Secrets are not rotated automatically. The application decides how long the old one is accepted.
#[tokio::test]
async fn sec_60_an_additional_secret_is_accepted() {
    use super::kit::{Signer, claims};
    let [old, new] = [Algorithm::Hs256, Algorithm::Hs512].map(Signer::new);
    let auth = auth(new.key.clone());
    let token = old.token(&claims());
    assert_eq!(rejection(&auth, &token).await, "wrong algorithm");
    let both = auth.additional_key(old.key.clone());
    assert!(verify(&both, &token).await.is_ok());
    assert!(verify(&both, new.token(&claims())).await.is_ok());
    let forged = Signer::new(Algorithm::Hs256).token(&claims());
    assert_eq!(rejection(&both, forged).await, "bad signature");
}
