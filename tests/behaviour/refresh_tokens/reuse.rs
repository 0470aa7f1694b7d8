//! Refresh tokens that are used more than once: by a client that lost a response or races with
//! itself, or by a client and a thief.

use std::time::Duration;

use crate::harness::{Client, EventCapture, Fault, Op, World, send_concurrently};

suite!(pair:
    a_refresh_issues_a_new_pair_of_the_same_sign_in,
    sec_62_reusing_a_refresh_token_two_rotations_old_ends_the_sign_in,
    sec_62_a_tampered_refresh_token_of_the_family_ends_the_sign_in,
    sec_62_a_refresh_token_from_before_a_sign_in_ends_nothing,
    sec_63_fifty_concurrent_refreshes_have_one_successor,
    sec_64_a_refresh_whose_response_was_lost_can_be_repeated,
    sec_64_a_refresh_is_repeated_a_limited_number_of_times,
    sec_76_a_failure_to_end_a_sign_in_after_reuse_is_reported,
);

suite!(pair on one_thread:
    sec_62_reusing_a_refresh_token_after_a_minute_ends_the_sign_in,
    sec_62_a_repeated_refresh_is_logged,
);

/// How long a refresh may be repeated if the new refresh token was not used.
const LOST_RESPONSE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);

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
    for wait in [Duration::from_secs(15), LOST_RESPONSE - Duration::from_secs(15) - MOMENT] {
        world.advance(wait);
        let again = world.client_with(&old).refreshed().await;
        assert_eq!(again.refresh(), new.refresh(), "the same successor");
        assert_eq!(world.status_of(&again).await, 200);
    }
    client.refreshed().await;
}

async fn sec_64_a_refresh_is_repeated_a_limited_number_of_times(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    for _ in 0..64 {
        assert_eq!(world.client_with(&old).refreshed().await.refresh(), new.refresh());
    }
    assert_eq!(world.client_with(&old).post("/refresh").await.status, 401);
    assert_eq!(world.status_of(&new).await, 200, "nothing has ended");
    client.refreshed().await;
}

async fn sec_62_a_repeated_refresh_is_logged(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let refresh = async |client: &Client, agent: &str| {
        let reply = client.post("/refresh").header("user-agent", agent).await;
        assert_eq!(reply.status, 200);
    };
    refresh(&client, "Firefox").await;
    let events = EventCapture::start();
    for (agent, level, message) in [
        ("Firefox", "INFO", "refresh repeated"),
        ("curl", "WARN", "refresh repeated by another user agent"),
        ("Firefox", "INFO", "refresh repeated"),
    ] {
        refresh(&world.client_with(&old), agent).await;
        let lines = events.take();
        let repeats: Vec<_> = lines.iter().filter(|line| line.contains("repeated")).collect();
        let [line] = repeats[..] else { panic!("{lines:#?}") };
        assert!(line.starts_with(&format!("{level} {message} sign_in=")), "{line}");
        assert!(line.contains(&old.sign_in().to_string()), "{line}");
    }
}

async fn sec_62_reusing_a_refresh_token_after_a_minute_ends_the_sign_in(world: World) {
    let node = world.with(|_| {}).await;
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    assert_eq!(node.status_of(&new).await, 200);
    world.advance(LOST_RESPONSE);
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
    world.advance(LOST_RESPONSE);
    world.store.set(Op::Delete, Fault::Fails);
    assert!(world.client_with(&old).post("/refresh").await.is_unavailable());
    world.store.clear_faults();
    assert_eq!(world.client_with(&old).post("/refresh").await.status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}
