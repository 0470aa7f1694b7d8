//! The limit of concurrent sign-ins per user.

use std::time::Duration;

use auth_store::OverflowPolicy;

use crate::app::{DeviceEntry, Login};
use crate::harness::{Client, World, send_concurrently};

suite!(every:
    sec_21_fifty_concurrent_sign_ins_leave_three,
    sec_21_the_oldest_sign_in_is_evicted,
    sec_21_a_sign_in_over_the_limit_is_refused_and_ends_no_other,
    an_expired_sign_in_does_not_count_towards_the_limit,
    signing_in_again_counts_once_towards_the_limit,
);

async fn sec_21_fifty_concurrent_sign_ins_leave_three(world: World) {
    let world = world.with_limit(3, OverflowPolicy::EvictOldest).await;
    let login = Login::from("alice").via(world.transport());
    let clients: Vec<Client> = (0..50).map(|_| world.client()).collect();

    let replies = send_concurrently(clients.iter().map(|c| c.post("/login").json(&login))).await;

    assert!(replies.iter().all(|reply| reply.status.is_success()));
    assert_eq!(world.sign_in_count().await, 3);
    let mut recognised = 0;
    for client in &clients {
        recognised += usize::from(client.get("/me").await.status == 200);
    }
    assert_eq!(recognised, 3);
}

async fn sec_21_the_oldest_sign_in_is_evicted(world: World) {
    let world = world.with_limit(2, OverflowPolicy::EvictOldest).await;
    let mut credentials = Vec::new();
    for _ in 0..3 {
        credentials.push(world.client().signed_in("alice").await);
        world.advance(Duration::from_secs(1));
    }
    let bobs = world.client().signed_in("bob").await;

    assert_eq!(world.status_of(&credentials[0]).await, 401);
    assert_eq!(world.status_of(&credentials[1]).await, 200);
    assert_eq!(world.status_of(&credentials[2]).await, 200);
    assert_eq!(world.status_of(&bobs).await, 200);
}

async fn sec_21_a_sign_in_over_the_limit_is_refused_and_ends_no_other(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    let first = world.client().signed_in("alice").await;
    let late = world.client();

    assert_eq!(late.login("alice").await.status, 403);

    assert_eq!(late.credential(), None);
    assert_eq!(world.status_of(&first).await, 200);
    late.signed_in("bob").await;
}

async fn an_expired_sign_in_does_not_count_towards_the_limit(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    world.client().signed_in("alice").await;
    world.advance(Duration::from_secs(3600));
    world.client().signed_in("alice").await;
}

async fn signing_in_again_counts_once_towards_the_limit(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    let (client, _) = world.sign_in("alice").await;
    client.signed_in("alice").await;
    assert_eq!(client.get("/devices").await.json::<Vec<DeviceEntry>>().len(), 1);
}
