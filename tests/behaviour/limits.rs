//! How many sign-ins a user may have at a time.

use std::time::Duration;

use auth_store::OverflowPolicy;

use crate::app::{DeviceLine, Login};
use crate::harness::{Client, World, at_once};

suite!(every:
    sec_21_of_fifty_sign_ins_at_once_three_are_left,
    sec_21_the_oldest_sign_in_makes_room,
    sec_21_a_full_user_is_refused_and_nobody_is_signed_out,
    an_expired_sign_in_takes_no_place,
    signing_in_again_takes_no_second_place,
);

async fn sec_21_of_fifty_sign_ins_at_once_three_are_left(world: World) {
    let world = world.with_limit(3, OverflowPolicy::EvictOldest).await;
    let login = Login::from("alice").via(world.transport());
    let clients: Vec<Client> = (0..50).map(|_| world.client()).collect();

    let replies = at_once(clients.iter().map(|c| c.post("/login").json(&login))).await;

    assert!(replies.iter().all(|reply| reply.status.is_success()));
    assert_eq!(world.kept().await, 3);
    let mut recognised = 0;
    for client in &clients {
        recognised += usize::from(client.get("/me").await.status == 200);
    }
    assert_eq!(recognised, 3);
}

async fn sec_21_the_oldest_sign_in_makes_room(world: World) {
    let world = world.with_limit(2, OverflowPolicy::EvictOldest).await;
    let mut credentials = Vec::new();
    for _ in 0..3 {
        credentials.push(world.client().signed_in("alice").await);
        world.wait(Duration::from_secs(1));
    }
    let bobs = world.client().signed_in("bob").await;

    assert_eq!(world.status_of(&credentials[0]).await, 401);
    assert_eq!(world.status_of(&credentials[1]).await, 200);
    assert_eq!(world.status_of(&credentials[2]).await, 200);
    assert_eq!(world.status_of(&bobs).await, 200);
}

async fn sec_21_a_full_user_is_refused_and_nobody_is_signed_out(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    let first = world.client().signed_in("alice").await;
    let late = world.client();

    assert_eq!(late.login("alice").await.status, 403);

    assert_eq!(late.credential(), None);
    assert_eq!(world.status_of(&first).await, 200);
    late.signed_in("bob").await;
}

async fn an_expired_sign_in_takes_no_place(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    world.client().signed_in("alice").await;
    world.wait(Duration::from_secs(3600));
    world.client().signed_in("alice").await;
}

async fn signing_in_again_takes_no_second_place(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    let client = world.client();
    client.signed_in("alice").await;
    client.signed_in("alice").await;
    assert_eq!(client.get("/devices").await.json::<Vec<DeviceLine>>().len(), 1);
}
