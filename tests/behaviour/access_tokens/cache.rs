//! Cached verified tokens: only the verification is cached, not the state of the sign-in.

use std::time::Duration;

use auth_core::Authenticator;
use auth_jwt::JwtSignIn;
use auth_store::{Record, Store, encode};
use parking_lot::Mutex;

use crate::app::{Login, User};
use crate::harness::{Auth, Framework, Setup, TestBackend, World, jwt_eddsa};

/// The backends of the nodes, to count how often they verified a token.
static NODES: Mutex<Vec<JwtSignIn<User>>> = Mutex::new(Vec::new());

fn counting(setup: &Setup) -> Auth {
    let auth = jwt_eddsa(setup);
    NODES.lock().push(auth.clone());
    auth.erased()
}

fn verified() -> u64 {
    NODES.lock().iter().map(|auth| auth.cache_stats().misses).sum()
}

#[tokio::test]
async fn sec_14_88_a_cached_token_changes_and_ends_with_its_sign_in() {
    let world = World::start(TestBackend::by_token(counting), Framework::Axum).await;
    let world = world.with_short_tokens().await;
    let (client, token) = world.sign_in(Login::from("alice").role("admin")).await;
    let at = async |path: &str| world.client_with(&token).get(path).await.status.as_u16();
    for _ in 0..5 {
        assert_eq!([at("/me").await, at("/admin").await], [200, 200]);
    }
    assert_eq!(verified(), 1, "later requests used the cache");

    let principal = encode(&[], &User::default()).unwrap();
    world.store.update_subject("alice", &principal).await.unwrap();
    assert_eq!([at("/me").await, at("/admin").await], [200, 403]);

    world.store.revoke_subject("alice").await.unwrap();
    assert_eq!([at("/me").await, at("/admin").await], [401, 401]);
    assert_eq!(verified(), 1, "it was not verified again");

    let token = client.signed_in("alice").await;
    assert_eq!(world.status_of(&token).await, 200);
    world.advance(Duration::from_secs(300));
    assert_eq!(world.status_of(&token).await, 401, "the expiry is checked on every request");
}

/// The fault: cached claims were found by the record's version. A store that loses the latest
/// versions in a failover uses these versions again.
#[tokio::test]
async fn sec_88_a_repeated_record_version_does_not_revive_cached_claims() {
    let world = World::start(TestBackend::jwt_eddsa(), Framework::Axum).await;
    let (_, token) = world.sign_in(Login::from("alice").role("admin")).await;
    let at = async |path: &str| world.client_with(&token).get(path).await.status.as_u16();
    assert_eq!([at("/me").await, at("/admin").await], [200, 200]);
    let [record] = &world.store.records().await[..] else { panic!("one sign-in") };
    let mut other = Record::clone(record);
    other.set_principal(encode(&[], &User::default()).unwrap());
    world.store.delete(&other.id).await.unwrap();
    world.store.create(other, None).await.unwrap();
    assert_eq!(world.store.records().await[0].version, record.version);
    assert_eq!([at("/me").await, at("/admin").await], [200, 403]);
}
