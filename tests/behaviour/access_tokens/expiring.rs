//! An access token ends by itself, long before its sign-in.

use std::time::Duration;

use auth_store::OverflowPolicy;
use http::header;

use crate::app::{Login, Me};
use crate::harness::{Fault, World};

suite!(pair:
    an_access_token_ends_to_the_second,
    what_has_ended_is_renewed,
    with_an_ended_token_one_can_sign_in,
    a_user_whose_token_has_ended_keeps_the_cart,
    sec_21_a_user_whose_token_has_ended_takes_no_second_place,
    sec_87_an_ended_token_is_not_nobody,
    sec_76_an_ended_token_costs_no_look_up,
);

const SECOND: Duration = Duration::from_secs(1);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// A node with access tokens as short as they are by default.
async fn short(world: &World) -> World {
    world.with(|setup| setup.access_lifetime = Some(FIVE_MINUTES)).await
}

async fn an_access_token_ends_to_the_second(world: World) {
    let world = short(&world).await;
    let client = world.client();
    client.signed_in("alice").await;
    let me: Me = client.get("/me").await.json();
    assert_eq!(me.expires_at, (world.clock.now() + FIVE_MINUTES).as_secs());

    world.wait(FIVE_MINUTES - SECOND);
    assert_eq!(client.get("/me").await.status, 200);
    world.wait(SECOND);

    let refused = client.get("/me").await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header(header::WWW_AUTHENTICATE);
    assert!(challenge.contains(r#"Bearer error="invalid_token""#), "{challenge}");
    assert_eq!(world.kept().await, 1, "its sign-in goes on");
}

async fn what_has_ended_is_renewed(world: World) {
    let world = short(&world).await;
    let client = world.client();
    let old = client.signed_in("alice").await;
    client.post("/cart").body("apple").await;
    world.wait(FIVE_MINUTES);

    let new = client.refreshed().await;

    assert_eq!(new.sign_in(), old.sign_in());
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(world.status_of(&old).await, 401);
}

async fn with_an_ended_token_one_can_sign_in(world: World) {
    let world = short(&world).await;
    let client = world.client();
    let old = client.signed_in("alice").await;
    world.wait(FIVE_MINUTES);
    let new = client.signed_in("alice").await;
    assert_eq!(client.get("/me").await.status, 200);
    assert_ne!(new.secret(), old.secret());
    assert_eq!(world.kept().await, 1, "the refresh cookie named the sign-in from before");
}

/// The refresh cookie proves the sign-in that goes on.
async fn a_user_whose_token_has_ended_keeps_the_cart(world: World) {
    let world = short(&world).await;
    let client = world.client();
    let old = client.signed_in("alice").await;
    client.post("/cart").body("apple").await;
    world.wait(FIVE_MINUTES);
    let new = client.signed_in("alice").await;
    assert_eq!(new.sign_in(), old.sign_in(), "one device has one sign-in");
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_21_a_user_whose_token_has_ended_takes_no_second_place(world: World) {
    for (subject, when_full) in
        [("alice", OverflowPolicy::EvictOldest), ("bob", OverflowPolicy::Reject)]
    {
        let world = short(&world.with_limit(2, when_full).await).await;
        let (phone, laptop) = (world.client(), world.client());
        phone.signed_in(subject).await;
        laptop.signed_in(subject).await;
        world.wait(FIVE_MINUTES);
        assert_eq!(laptop.login(subject).await.status, 200, "{when_full:?}");
        assert_eq!(phone.post("/refresh").await.status, 200, "{when_full:?}");
    }
}

async fn sec_87_an_ended_token_is_not_nobody(world: World) {
    let world = short(&world).await;
    let client = world.client();
    client.signed_in(Login::from("alice").role("admin")).await;
    world.wait(FIVE_MINUTES);
    for path in ["/me", "/maybe", "/admin", "/cart", "/devices"] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
    }
    assert_eq!(client.get("/who").await.text(), "rejected");
}

async fn sec_76_an_ended_token_costs_no_look_up(world: World) {
    let world = short(&world).await;
    let client = world.client();
    client.signed_in("alice").await;
    assert_eq!(client.get("/me").await.status, 200);
    world.wait(FIVE_MINUTES);
    world.store.forget_calls();
    world.store.set_all(Fault::Fails);
    assert_eq!(client.get("/me").await.status, 401);
    assert_eq!(world.store.all_calls(), 0);
}
