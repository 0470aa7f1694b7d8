//! Session data of a sign-in, and of a visitor before the sign-in.

use crate::harness::{Credential, SESSION, World, most_writers, send_concurrently};

suite!(every:
    a_cart_belongs_to_its_sign_in,
    a_cart_survives_a_refresh,
    sixty_four_concurrent_requests_lose_nothing,
    too_much_data_is_refused_and_nothing_is_lost,
    a_client_without_a_credential_sees_no_cart,
);

suite!(no_visitors: a_visitor_has_no_cart_without_anonymous_sessions);

suite!(visitors:
    the_cart_of_a_visitor_is_kept_at_sign_in,
    sec_83_a_planted_cookie_gains_nothing_from_the_sign_in,
    sixty_four_concurrent_requests_of_a_visitor_lose_nothing,
    data_stored_in_the_request_that_signs_in_is_kept,
);

async fn a_cart_belongs_to_its_sign_in(world: World) {
    let (phone, laptop) = (world.client(), world.client());
    phone.signed_in("alice").await;
    laptop.signed_in("alice").await;

    phone.post("/cart").body("apple").await;
    let cart = phone.post("/cart").body("pear").await;

    assert_eq!(cart.text(), r#"["apple","pear"]"#);
    assert_eq!(phone.get("/cart").await.text(), r#"["apple","pear"]"#);
    assert_eq!(laptop.get("/cart").await.text(), "[]");
}

async fn a_client_without_a_credential_sees_no_cart(world: World) {
    let (client, _) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    let seen = world.client().get("/cart").await;
    // With anonymous sessions this cart is empty; without them there is none.
    assert!(seen.status == 401 || seen.text() == "[]", "{seen:?}");
}

async fn a_visitor_has_no_cart_without_anonymous_sessions(world: World) {
    let client = world.client();
    for call in [client.get("/cart"), client.post("/cart").body("apple")] {
        let reply = call.await;
        assert_eq!(reply.status, 401);
        assert!(reply.headers.contains_key("www-authenticate") && reply.set_cookies().is_empty());
    }
    assert_eq!(world.store.all_calls(), 0);
}

async fn a_cart_survives_a_refresh(world: World) {
    let (client, _) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    assert!(client.post("/refresh").await.status.is_success());
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sixty_four_concurrent_requests_lose_nothing(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let items = add_at_once(&world, &client.credential().unwrap()).await;
    assert_eq!(items.len(), 64);
}

async fn sixty_four_concurrent_requests_of_a_visitor_lose_nothing(world: World) {
    let client = world.client();
    client.post("/cart").body("first").await;
    let items = add_at_once(&world, &client.credential().unwrap()).await;
    assert_eq!(items.len(), 65);
}

/// Adds 64 items, half of them on another node, and returns the cart.
async fn add_at_once(world: &World, credential: &Credential) -> Vec<String> {
    let node = world.with(|_| {}).await;
    let items: Vec<_> = (0..64).collect();
    for items in items.chunks(most_writers()) {
        let calls = items.iter().map(|i| {
            let node = if i % 2 == 0 { world } else { &node };
            node.client_with(credential).post("/cart").body(format!("thing {i}"))
        });
        for reply in send_concurrently(calls).await {
            assert_eq!(reply.status, 200, "{reply:?}");
        }
    }
    let mut items: Vec<String> = world.client_with(credential).get("/cart").await.json();
    items.sort();
    items.dedup();
    items
}

async fn too_much_data_is_refused_and_nothing_is_lost(world: World) {
    let (client, _) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    assert_eq!(client.post("/cart").body("x".repeat(64 * 1024)).await.status, 413);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn the_cart_of_a_visitor_is_kept_at_sign_in(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    assert_eq!(client.get("/me").await.status, 401, "a visitor with a cart has no identity");

    client.signed_in("alice").await;

    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    let by_cookie = matches!(client.credential(), Some(Credential::Cookie(_)));
    assert_eq!(client.cookies("/").contains(SESSION), by_cookie, "the visitor's cookie is gone");
    assert_eq!(world.sign_in_count().await, 1, "the visitor's record is gone");
}

async fn sec_83_a_planted_cookie_gains_nothing_from_the_sign_in(world: World) {
    let attacker = world.client();
    attacker.post("/cart").body("bait").await;
    let planted = attacker.credential().unwrap();

    let victim = world.client_with(&planted);
    victim.signed_in("alice").await;
    victim.post("/cart").body("secret").await;

    assert_ne!(victim.credential().unwrap().secret(), planted.secret());
    let node = world.with(|_| {}).await;
    for world in [&world, &node] {
        assert_eq!(world.status_of(&planted).await, 401);
        let seen = world.client_with(&planted).get("/cart").await;
        assert!(!seen.text().contains("secret") && !seen.text().contains("bait"), "{seen:?}");
    }
}

async fn data_stored_in_the_request_that_signs_in_is_kept(world: World) {
    let client = world.client();
    let login = crate::app::Login::from("alice").via(world.transport());
    assert!(client.post("/login-and-add").json(&login).await.status.is_success());
    assert_eq!(client.get("/cart").await.text(), r#"["welcome gift"]"#);
}
