//! Tokens that were verified before: what is remembered of them is the signature, and no more.

use std::time::Duration;

use auth_core::{Authenticator, Transport};
use auth_jwt::{JwtAuth, WithSignIn};
use auth_store::{Record, Store, encode};
use parking_lot::Mutex;

use crate::app::{Login, User};
use crate::harness::{Auth, Backend, Framework, Setup, World, jwt_eddsa};

/// The nodes' backends, to ask how often they verified a token.
static NODES: Mutex<Vec<JwtAuth<User, WithSignIn>>> = Mutex::new(Vec::new());

fn counting(setup: &Setup) -> Auth {
    let auth = jwt_eddsa(setup);
    NODES.lock().push(auth.clone());
    auth.erased()
}

fn verified() -> u64 {
    NODES.lock().iter().map(|auth| auth.cache_stats().misses).sum()
}

#[tokio::test]
async fn sec_14_88_a_remembered_token_changes_and_ends_with_its_sign_in() {
    let world =
        World::start(Backend { transport: Transport::Explicit, build: counting }, Framework::Axum)
            .await;
    let world = world.with(|setup| setup.access_lifetime = Some(Duration::from_secs(300))).await;
    let client = world.client();
    let token = client.signed_in(Login::from("alice").role("admin")).await;
    let at = async |path: &str| world.holder(&token).get(path).await.status.as_u16();
    for _ in 0..5 {
        assert_eq!([at("/me").await, at("/admin").await], [200, 200]);
    }
    assert_eq!(verified(), 1, "the rest was remembered");

    let principal = encode(&[], &User::default()).unwrap();
    world.store.update_subject("alice", &principal).await.unwrap();
    assert_eq!([at("/me").await, at("/admin").await], [200, 403]);

    world.store.revoke_subject("alice").await.unwrap();
    assert_eq!([at("/me").await, at("/admin").await], [401, 401]);
    assert_eq!(verified(), 1, "nor was it verified again");

    let token = client.signed_in("alice").await;
    assert_eq!(world.status_of(&token).await, 200);
    world.wait(Duration::from_secs(300));
    assert_eq!(world.status_of(&token).await, 401, "its time is judged every time");
}

/// The fault: what was remembered was found by the record's version, and a store that loses the last
/// versions in a failover counts them anew.
#[tokio::test]
async fn sec_88_a_version_that_comes_again_is_not_what_was_remembered() {
    let world = World::start(Backend::jwt_eddsa(), Framework::Axum).await;
    let client = world.client();
    let token = client.signed_in(Login::from("alice").role("admin")).await;
    let at = async |path: &str| world.holder(&token).get(path).await.status.as_u16();
    assert_eq!([at("/me").await, at("/admin").await], [200, 200]);
    let [record] = &world.store.records().await[..] else { panic!("one sign-in") };
    let mut other = Record::clone(record);
    other.set_principal(encode(&[], &User::default()).unwrap());
    world.store.delete(&other.sid).await.unwrap();
    world.store.create(other, None).await.unwrap();
    assert_eq!(world.store.records().await[0].version, record.version);
    assert_eq!([at("/me").await, at("/admin").await], [200, 403]);
}
