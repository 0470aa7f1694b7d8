//! Revocations of other issuers' tokens, checked by a node with a near cache.

use std::sync::Arc;

use auth_store::{RevocableToken, Revocations};

use crate::nodes::{Nodes, until};

const ISSUER: &str = "https://login.example";

#[tokio::test]
async fn a_token_is_checked_without_the_store_until_another_node_revokes_it() {
    let Nodes { store, clock, near, remote } = Nodes::start().await;
    let (near, remote) = (Arc::new(near), Arc::new(remote));
    let list = Revocations::new(Arc::clone(&near)).clock(clock.clock());
    let now = clock.clock().now();
    let token = |jti: &str| {
        RevocableToken::new(ISSUER, "alice", Some(now)).session(ISSUER, "s").id(ISSUER, jti)
    };
    assert_eq!(list.try_is_revoked(&token("1"), now), None, "nothing is known");
    for _ in 0..2 {
        assert!(!list.is_revoked(&token("1"), now).await.unwrap());
    }
    let loads = store.loads();
    for _ in 0..100 {
        assert_eq!(list.try_is_revoked(&token("1"), now), Some(false));
    }
    assert_eq!(store.loads(), loads);

    let other = Revocations::new(remote).clock(clock.clock());
    other.revoke_token(ISSUER, "1").await.unwrap();
    until(|| list.try_is_revoked(&token("1"), now) != Some(false)).await;
    assert!(list.is_revoked(&token("1"), now).await.unwrap());
    assert_eq!(list.try_is_revoked(&token("1"), now), Some(true), "the copy says so, too");
    assert!(!list.is_revoked(&token("2"), now).await.unwrap());

    other.revoke_session(ISSUER, "s").await.unwrap();
    until(|| list.try_is_revoked(&token("2"), now) != Some(false)).await;
    assert!(list.is_revoked(&token("2"), now).await.unwrap());
}
