//! Access tokens expire long before their sign-in.

use std::time::Duration;

use auth_store::OverflowPolicy;
use http::header;

use crate::app::{Login, Me};
use crate::harness::{Client, Credential, Fault, World};

suite!(pair:
    an_access_token_expires_to_the_second,
    an_expired_access_token_is_renewed,
    a_client_with_an_expired_token_can_sign_in,
    a_user_with_an_expired_token_keeps_the_cart,
    sec_21_a_user_with_an_expired_token_counts_once_towards_the_limit,
    sec_87_an_expired_token_is_rejected_and_not_anonymous,
    sec_76_an_expired_token_costs_no_lookup,
);

const SECOND: Duration = Duration::from_secs(1);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

async fn an_access_token_expires_to_the_second(world: World) {
    let world = world.with_short_tokens().await;
    let (client, _) = world.sign_in("alice").await;
    let me: Me = client.get("/me").await.json();
    assert_eq!(me.expires_at, (world.clock.now() + FIVE_MINUTES).as_secs());

    world.advance(FIVE_MINUTES - SECOND);
    assert_eq!(client.get("/me").await.status, 200);
    world.advance(SECOND);

    let refused = client.get("/me").await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header(header::WWW_AUTHENTICATE);
    assert!(challenge.contains(r#"Bearer realm="api", error="invalid_token""#), "{challenge}");
    assert_eq!(world.sign_in_count().await, 1, "its sign-in continues");
}

async fn with_a_cart_and_an_expired_token(world: &World) -> (Client, Credential) {
    let (client, credential) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    world.advance(FIVE_MINUTES);
    (client, credential)
}

async fn an_expired_access_token_is_renewed(world: World) {
    let world = world.with_short_tokens().await;
    let (client, old) = with_a_cart_and_an_expired_token(&world).await;

    let new = client.refreshed().await;

    assert_eq!(new.sign_in(), old.sign_in());
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(world.status_of(&old).await, 401);
}

async fn a_client_with_an_expired_token_can_sign_in(world: World) {
    let world = world.with_short_tokens().await;
    let (client, old) = world.sign_in("alice").await;
    world.advance(FIVE_MINUTES);
    let new = client.signed_in("alice").await;
    assert_eq!(client.get("/me").await.status, 200);
    assert_ne!(new.secret(), old.secret());
    assert_eq!(world.sign_in_count().await, 1, "the refresh cookie named the old sign-in");
}

/// The refresh cookie proves the sign-in, which continues.
async fn a_user_with_an_expired_token_keeps_the_cart(world: World) {
    let world = world.with_short_tokens().await;
    let (client, old) = with_a_cart_and_an_expired_token(&world).await;
    let new = client.signed_in("alice").await;
    assert_eq!(new.sign_in(), old.sign_in(), "one device has one sign-in");
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_21_a_user_with_an_expired_token_counts_once_towards_the_limit(world: World) {
    for (subject, when_full) in
        [("alice", OverflowPolicy::EvictOldest), ("bob", OverflowPolicy::Reject)]
    {
        let world = world.with_limit(2, when_full).await.with_short_tokens().await;
        let (phone, laptop) = (world.client(), world.client());
        phone.signed_in(subject).await;
        laptop.signed_in(subject).await;
        world.advance(FIVE_MINUTES);
        assert_eq!(laptop.login(subject).await.status, 200, "{when_full:?}");
        assert_eq!(phone.post("/refresh").await.status, 200, "{when_full:?}");
    }
}

async fn sec_87_an_expired_token_is_rejected_and_not_anonymous(world: World) {
    let world = world.with_short_tokens().await;
    let (client, _) = world.sign_in(Login::from("alice").role("admin")).await;
    world.advance(FIVE_MINUTES);
    for path in ["/me", "/maybe", "/admin", "/cart", "/devices"] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
    }
    assert_eq!(client.get("/who").await.text(), "rejected");
}

async fn sec_76_an_expired_token_costs_no_lookup(world: World) {
    let world = world.with_short_tokens().await;
    let (client, _) = world.sign_in("alice").await;
    assert_eq!(client.get("/me").await.status, 200);
    world.advance(FIVE_MINUTES);
    world.store.reset_calls();
    world.store.set_all(Fault::Fails);
    assert_eq!(client.get("/me").await.status, 401);
    assert_eq!(world.store.all_calls(), 0);
}
