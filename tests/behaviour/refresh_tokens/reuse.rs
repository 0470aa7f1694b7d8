//! Refresh tokens that are used more than once: by a client that lost a response or races with
//! itself, or by a client and a thief.

use std::time::Duration;

use crate::harness::{EventCapture, Fault, Op, World, send_concurrently};

suite!(pair:
    a_refresh_issues_a_new_pair_of_the_same_sign_in,
    sec_62_reusing_a_refresh_token_two_rotations_old_ends_the_sign_in,
    sec_62_a_tampered_refresh_token_of_the_family_ends_the_sign_in,
    sec_62_a_refresh_token_from_before_a_sign_in_ends_nothing,
    sec_63_fifty_concurrent_refreshes_have_one_successor,
    sec_64_a_refresh_whose_response_was_lost_can_be_repeated,
    sec_76_a_failure_to_end_a_sign_in_after_reuse_is_reported,
);

suite!(pair on one_thread: sec_62_reusing_a_refresh_token_after_its_grace_ends_the_sign_in);

/// The default grace, in which a refresh may be repeated.
const GRACE: Duration = Duration::from_secs(10);

/// The old access token belongs to the same sign-in and stays valid until it expires.
async fn a_refresh_issues_a_new_pair_of_the_same_sign_in(world: World) {
    let (client, old) = world.sign_in("alice").await;

    let new = client.refreshed().await;

    assert_ne!((new.text(), new.refresh()), (old.text(), old.refresh()));
    assert_eq!(new.sign_in(), old.sign_in());
    assert_eq!(world.statuses([&new, &old]).await, [200, 200]);
    client.post("/logout").await;
    assert_eq!(world.statuses([&new, &old]).await, [401, 401]);
}

async fn sec_64_a_refresh_whose_response_was_lost_can_be_repeated(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    world.advance(GRACE - Duration::from_millis(1));

    let again = world.client_with(&old).refreshed().await;

    assert_eq!(again.refresh(), new.refresh(), "the same successor");
    assert_eq!(world.status_of(&again).await, 200);
    client.refreshed().await;
}

async fn sec_62_reusing_a_refresh_token_after_its_grace_ends_the_sign_in(world: World) {
    let node = world.with(|_| {}).await;
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    assert_eq!(node.status_of(&new).await, 200);
    world.advance(GRACE);
    let events = EventCapture::start();

    let refused = node.client_with(&old).post("/refresh").await;

    assert_eq!((refused.status.as_u16(), refused.set_cookies().len()), (401, 0));
    let lines = events.take();
    let is_warning = |line: &&String| line.starts_with("WARN") && line.contains("reused");
    let [warning] = lines.iter().filter(is_warning).collect::<Vec<_>>()[..] else {
        panic!("{lines:#?}")
    };
    assert!(warning.contains(&old.sign_in().to_string()), "{warning}");
    for world in [&world, &node] {
        assert_eq!(world.status_of(&new).await, 401, "the access token ends at once, too");
        assert_eq!(world.status_of(&old).await, 401);
    }
    assert_eq!(client.post("/refresh").await.status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

/// The grace ends when the successor is itself refreshed: then both the client and the thief have
/// moved on.
async fn sec_62_reusing_a_refresh_token_two_rotations_old_ends_the_sign_in(world: World) {
    let (client, old) = world.sign_in("alice").await;
    client.refreshed().await;
    let newest = client.refreshed().await;

    assert_eq!(world.client_with(&old).post("/refresh").await.status, 401);

    assert_eq!(world.status_of(&newest).await, 401);
    assert_eq!(client.post("/refresh").await.status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

/// Only a client that once had a token of the sign-in knows its family.
async fn sec_62_a_tampered_refresh_token_of_the_family_ends_the_sign_in(world: World) {
    let credential = world.client().signed_in("alice").await;
    assert_eq!(world.client_with(&credential.tampered()).post("/refresh").await.status, 401);
    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_62_a_refresh_token_from_before_a_sign_in_ends_nothing(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.signed_in("alice").await;
    assert_eq!(new.sign_in(), old.sign_in());

    assert_eq!(world.client_with(&old).post("/refresh").await.status, 401);

    assert_eq!(world.status_of(&new).await, 200);
    client.refreshed().await;
}

async fn sec_63_fifty_concurrent_refreshes_have_one_successor(world: World) {
    let node = world.with(|_| {}).await;
    let old = world.client().signed_in("alice").await;
    let tabs: Vec<_> = (0..50)
        .map(|tab| if tab % 2 == 0 { world.client_with(&old) } else { node.client_with(&old) })
        .collect();

    let replies = send_concurrently(tabs.iter().map(|tab| tab.post("/refresh"))).await;

    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
    let pairs: Vec<_> = tabs.iter().map(|tab| tab.credential().unwrap()).collect();
    for pair in &pairs {
        assert_eq!(pair.refresh(), pairs[0].refresh(), "one successor");
        assert_ne!(pair.refresh(), old.refresh());
        assert_eq!(world.status_of(pair).await, 200);
    }
    tabs[0].refreshed().await;
    assert_eq!(world.sign_in_count().await, 1);
}

async fn sec_76_a_failure_to_end_a_sign_in_after_reuse_is_reported(world: World) {
    let (client, old) = world.sign_in("alice").await;
    client.refreshed().await;
    world.advance(GRACE);
    world.store.set(Op::Delete, Fault::Fails);
    assert!(world.client_with(&old).post("/refresh").await.is_unavailable());
    world.store.clear_faults();
    assert_eq!(world.client_with(&old).post("/refresh").await.status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}
