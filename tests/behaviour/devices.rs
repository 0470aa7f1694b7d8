//! The list of a user's sign-ins.

use std::time::Duration;

use http::Method;

use crate::app::{DeviceEntry, Login};
use crate::harness::World;

suite!(every:
    the_list_has_every_sign_in_and_marks_the_current_one,
    sec_19_a_user_can_end_a_sign_in_on_another_device,
    sec_19_a_user_cannot_end_a_sign_in_of_another_user,
    sec_19_the_list_holds_no_secret,
    a_sign_in_that_cannot_be_decoded_hides_no_other,
    an_expired_sign_in_is_not_listed,
    the_list_shows_when_a_device_was_last_used,
);

async fn the_list_has_every_sign_in_and_marks_the_current_one(world: World) {
    let (phone, laptop) = (world.client(), world.client());
    let first = phone.signed_in(Login::from("alice").label("phone")).await;
    world.advance(Duration::from_secs(60));
    let second = laptop.signed_in(Login::from("alice").label("laptop")).await;
    world.client().signed_in("bob").await;

    let lines: Vec<DeviceEntry> = laptop.get("/devices").await.json();

    let shown: Vec<_> =
        lines.iter().map(|line| (line.id, line.label.as_deref(), line.current)).collect();
    let expected =
        [(first.sign_in(), Some("phone"), false), (second.sign_in(), Some("laptop"), true)];
    assert_eq!(shown, expected, "oldest first");
}

async fn sec_19_a_user_can_end_a_sign_in_on_another_device(world: World) {
    let (phone, laptop) = (world.client(), world.client());
    let lost = phone.signed_in("alice").await;
    laptop.signed_in("alice").await;

    let path = format!("/devices/{}", lost.sign_in());
    assert_eq!(laptop.call(Method::DELETE, &path).await.status, 204);

    assert_eq!(phone.get("/me").await.status, 401);
    assert_eq!(laptop.get("/me").await.status, 200);
    assert_eq!(laptop.call(Method::DELETE, &path).await.status, 404, "it has ended already");
}

async fn sec_19_a_user_cannot_end_a_sign_in_of_another_user(world: World) {
    let alices = world.client().signed_in("alice").await;
    let (bob, _) = world.sign_in("bob").await;
    let path = format!("/devices/{}", alices.sign_in());

    assert_eq!(bob.call(Method::DELETE, &path).await.status, 404);
    assert_eq!(world.client().call(Method::DELETE, &path).await.status, 401);

    assert_eq!(world.status_of(&alices).await, 200);
    assert_eq!(bob.get("/devices").await.json::<Vec<DeviceEntry>>().len(), 1);
}

async fn sec_19_the_list_holds_no_secret(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let list = client.get("/devices").await;
    let id = credential.sign_in().to_string();
    assert!(list.text().contains(&id));
    for secret in credential.secrets() {
        assert!(!list.text().contains(secret), "{}", list.text());
    }
}

/// The fault: a user with one such sign-in had no list of devices.
async fn a_sign_in_that_cannot_be_decoded_hides_no_other(world: World) {
    let (first, second) = (world.client(), world.client());
    let broken = first.signed_in(Login::from("alice").label("broken")).await;
    second.signed_in(Login::from("alice").label("whole")).await;
    world.store.hide(broken.sign_in());
    let listed: Vec<DeviceEntry> = second.get("/devices").await.json();
    let labels: Vec<_> = listed.iter().map(|device| device.label.as_deref()).collect();
    assert_eq!(labels, [Some("whole")]);
    assert_eq!(second.post("/logout-others").await.text(), "1", "it ends all the same");
}

async fn an_expired_sign_in_is_not_listed(world: World) {
    world.client().signed_in("alice").await;
    world.advance(Duration::from_secs(3600));
    let (client, _) = world.sign_in("alice").await;
    assert_eq!(client.get("/devices").await.json::<Vec<DeviceEntry>>().len(), 1);
}

async fn the_list_shows_when_a_device_was_last_used(world: World) {
    let (client, _) = world.sign_in("alice").await;
    world.advance(Duration::from_secs(600));
    client.get("/me").await;
    let lines: Vec<DeviceEntry> = client.get("/devices").await.json();
    assert_eq!(lines[0].last_seen_at, world.clock.now().as_secs());
}
