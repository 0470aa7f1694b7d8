//! The list of a user's sign-ins.

use std::time::Duration;

use http::Method;

use crate::app::{DeviceLine, Login};
use crate::harness::World;

suite!(every:
    a_user_sees_every_sign_in_and_which_is_this_one,
    sec_19_a_user_ends_another_device_of_their_own,
    sec_19_nobody_ends_a_sign_in_of_somebody_else,
    sec_19_the_list_holds_no_secret,
    a_sign_in_that_has_expired_is_not_listed,
    a_device_that_was_used_is_seen_in_the_list,
);

async fn a_user_sees_every_sign_in_and_which_is_this_one(world: World) {
    let (phone, laptop) = (world.client(), world.client());
    let first = phone.signed_in(Login::from("alice").label("phone")).await;
    world.wait(Duration::from_secs(60));
    let second = laptop.signed_in(Login::from("alice").label("laptop")).await;
    world.client().signed_in("bob").await;

    let lines: Vec<DeviceLine> = laptop.get("/devices").await.json();

    let shown: Vec<_> =
        lines.iter().map(|line| (line.id, line.label.as_deref(), line.current)).collect();
    let expected =
        [(first.sign_in(), Some("phone"), false), (second.sign_in(), Some("laptop"), true)];
    assert_eq!(shown, expected, "oldest first");
}

async fn sec_19_a_user_ends_another_device_of_their_own(world: World) {
    let (phone, laptop) = (world.client(), world.client());
    let lost = phone.signed_in("alice").await;
    laptop.signed_in("alice").await;

    let path = format!("/devices/{}", lost.sign_in());
    assert_eq!(laptop.call(Method::DELETE, &path).await.status, 204);

    assert_eq!(phone.get("/me").await.status, 401);
    assert_eq!(laptop.get("/me").await.status, 200);
    assert_eq!(laptop.call(Method::DELETE, &path).await.status, 404, "it is gone");
}

async fn sec_19_nobody_ends_a_sign_in_of_somebody_else(world: World) {
    let alices = world.client().signed_in("alice").await;
    let bob = world.client();
    bob.signed_in("bob").await;
    let path = format!("/devices/{}", alices.sign_in());

    assert_eq!(bob.call(Method::DELETE, &path).await.status, 404);
    assert_eq!(world.client().call(Method::DELETE, &path).await.status, 401);

    assert_eq!(world.status_of(&alices).await, 200);
    assert_eq!(bob.get("/devices").await.json::<Vec<DeviceLine>>().len(), 1);
}

async fn sec_19_the_list_holds_no_secret(world: World) {
    let client = world.client();
    let credential = client.signed_in("alice").await;
    let list = client.get("/devices").await;
    let id = credential.sign_in().to_string();
    assert!(list.text().contains(&id));
    for secret in credential.secrets() {
        assert!(!list.text().contains(secret), "{}", list.text());
    }
}

async fn a_sign_in_that_has_expired_is_not_listed(world: World) {
    world.client().signed_in("alice").await;
    world.wait(Duration::from_secs(3600));
    let client = world.client();
    client.signed_in("alice").await;
    assert_eq!(client.get("/devices").await.json::<Vec<DeviceLine>>().len(), 1);
}

async fn a_device_that_was_used_is_seen_in_the_list(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    world.wait(Duration::from_secs(600));
    client.get("/me").await;
    let lines: Vec<DeviceLine> = client.get("/devices").await.json();
    assert_eq!(lines[0].last_seen_at, world.clock.now().as_secs());
}
