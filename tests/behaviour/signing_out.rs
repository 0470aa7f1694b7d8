//! Signing out, here and on other devices.

use http::Method;

use crate::app::Me;
use crate::harness::{SESSION, World};

suite!(every:
    sec_14_a_sign_out_is_final_on_every_node,
    a_second_sign_out_succeeds,
    sec_16_signing_out_the_others_keeps_the_current_sign_in,
    signing_out_everywhere_ends_the_current_sign_in_too,
    ending_the_current_device_signs_out,
    a_client_without_an_identity_cannot_sign_others_out,
);

suite!(cookie: sec_14_a_sign_out_with_two_cookies_ends_both);

async fn sec_14_a_sign_out_is_final_on_every_node(world: World) {
    let node = world.with(|_| {}).await;
    let (client, credential) = world.sign_in("alice").await;
    assert_eq!(node.status_of(&credential).await, 200);

    assert_eq!(client.post("/logout").await.status, 204);

    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(node.status_of(&credential).await, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

/// The browser has a cookie of an earlier scope beside the new one, or one that an attacker has set.
async fn sec_14_a_sign_out_with_two_cookies_ends_both(world: World) {
    let (first, second) =
        (world.client().signed_in("alice").await, world.client().signed_in("bob").await);
    let cookies = format!("{SESSION}={}; a=b; {SESSION}={}", first.text(), second.text());

    let reply = world.client().post("/logout").header("cookie", &cookies).await;

    assert_eq!(reply.status, 204);
    assert!(reply.set_cookie(SESSION).unwrap().contains("Max-Age=0"), "{reply:?}");
    assert_eq!(world.statuses([&first, &second]).await, [401, 401]);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn a_second_sign_out_succeeds(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(world.client_with(&credential).post("/logout").await.status, 204);
    assert_eq!(world.client().post("/logout").await.status, 204);
}

async fn sec_16_signing_out_the_others_keeps_the_current_sign_in(world: World) {
    let here = world.client();
    let (this, other) = (here.signed_in("alice").await, world.client().signed_in("alice").await);
    let bobs = world.client().signed_in("bob").await;

    assert_eq!(here.post("/logout-others").await.text(), "1");

    assert_eq!(world.statuses([&this, &other]).await, [200, 401]);
    assert_eq!(world.status_of(&bobs).await, 200);
}

async fn signing_out_everywhere_ends_the_current_sign_in_too(world: World) {
    let here = world.client();
    let (this, other) = (here.signed_in("alice").await, world.client().signed_in("alice").await);
    let (bob, _) = world.sign_in("bob").await;

    assert_eq!(here.post("/logout-everywhere").await.text(), "2");

    assert_eq!(world.statuses([&this, &other]).await, [401, 401]);
    assert_eq!(bob.get("/me").await.json::<Me>().subject, "bob");
    assert_eq!(here.cookies("/"), "", "the browser has no cookie either");
}

/// Regression: the browser kept the cookie of the sign-in that had ended.
async fn ending_the_current_device_signs_out(world: World) {
    let here = world.client();
    let (this, other) = (here.signed_in("alice").await, world.client().signed_in("alice").await);

    let path = format!("/devices/{}", this.sign_in());
    assert_eq!(here.call(Method::DELETE, &path).await.status, 204);

    assert_eq!(world.statuses([&this, &other]).await, [401, 200]);
    assert_eq!(here.cookies("/"), "", "the browser has no cookie either");
}

async fn a_client_without_an_identity_cannot_sign_others_out(world: World) {
    let credential = world.client().signed_in("alice").await;
    for path in ["/logout-others", "/logout-everywhere"] {
        assert_eq!(world.client().post(path).await.status, 401, "{path}");
    }
    assert_eq!(world.status_of(&credential).await, 200);
}
