//! A refresh token that is used more than once: by a client that lost a response or races with
//! itself, or by two.

use std::time::Duration;

use crate::harness::{Capture, Fault, Op, World, at_once};

suite!(pair:
    a_refresh_gives_a_new_pair_of_the_same_sign_in,
    sec_62_a_refresh_token_two_steps_back_ends_the_sign_in,
    sec_62_a_refresh_token_that_is_nearly_right_ends_the_sign_in,
    sec_62_a_refresh_token_from_before_a_sign_in_ends_nothing,
    sec_63_fifty_refreshes_at_once_have_one_successor,
    sec_64_a_refresh_whose_response_was_lost_can_be_repeated,
    sec_76_a_reused_token_whose_sign_in_cannot_be_ended_says_so,
);

suite!(pair on one_thread: sec_62_a_refresh_token_that_comes_again_late_ends_the_sign_in);

/// For so long, by default, a refresh may be repeated.
const GRACE: Duration = Duration::from_secs(10);

/// The old access token belongs to the same living sign-in: it is good until it ends.
async fn a_refresh_gives_a_new_pair_of_the_same_sign_in(world: World) {
    let client = world.client();
    let old = client.signed_in("alice").await;

    let new = client.refreshed().await;

    assert_ne!((new.text(), new.refresh()), (old.text(), old.refresh()));
    assert_eq!(new.sign_in(), old.sign_in());
    assert_eq!(world.status_of(&new).await, 200);
    assert_eq!(world.status_of(&old).await, 200);
    client.post("/logout").await;
    assert_eq!(world.status_of(&new).await, 401);
    assert_eq!(world.status_of(&old).await, 401);
}

async fn sec_64_a_refresh_whose_response_was_lost_can_be_repeated(world: World) {
    let client = world.client();
    let old = client.signed_in("alice").await;
    let new = client.refreshed().await;
    world.wait(GRACE - Duration::from_millis(1));

    let again = world.holder(&old).refreshed().await;

    assert_eq!(again.refresh(), new.refresh(), "the same successor");
    assert_eq!(world.status_of(&again).await, 200);
    client.refreshed().await;
}

async fn sec_62_a_refresh_token_that_comes_again_late_ends_the_sign_in(world: World) {
    let node = world.with(|_| {}).await;
    let client = world.client();
    let old = client.signed_in("alice").await;
    let new = client.refreshed().await;
    assert_eq!(node.status_of(&new).await, 200);
    world.wait(GRACE);
    let events = Capture::start();

    let refused = node.holder(&old).post("/refresh").await;

    assert_eq!((refused.status.as_u16(), refused.set_cookies().len()), (401, 0));
    let said = events.take();
    let told = |line: &&String| line.starts_with("WARN") && line.contains("reused");
    let [warning] = said.iter().filter(told).collect::<Vec<_>>()[..] else { panic!("{said:#?}") };
    assert!(warning.contains(&old.sign_in().to_string()), "{warning}");
    for world in [&world, &node] {
        assert_eq!(world.status_of(&new).await, 401, "the access token ends with it, at once");
        assert_eq!(world.status_of(&old).await, 401);
    }
    assert_eq!(client.post("/refresh").await.status, 401);
    assert_eq!(world.kept().await, 0);
}

/// The grace is over as soon as the successor is itself refreshed: both hands have moved on.
async fn sec_62_a_refresh_token_two_steps_back_ends_the_sign_in(world: World) {
    let client = world.client();
    let old = client.signed_in("alice").await;
    client.refreshed().await;
    let newest = client.refreshed().await;

    assert_eq!(world.holder(&old).post("/refresh").await.status, 401);

    assert_eq!(world.status_of(&newest).await, 401);
    assert_eq!(client.post("/refresh").await.status, 401);
    assert_eq!(world.kept().await, 0);
}

/// Whoever has the family had a token of it once.
async fn sec_62_a_refresh_token_that_is_nearly_right_ends_the_sign_in(world: World) {
    let credential = world.client().signed_in("alice").await;
    assert_eq!(world.holder(&credential.tampered()).post("/refresh").await.status, 401);
    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(world.kept().await, 0);
}

async fn sec_62_a_refresh_token_from_before_a_sign_in_ends_nothing(world: World) {
    let client = world.client();
    let old = client.signed_in("alice").await;
    let new = client.signed_in("alice").await;
    assert_eq!(new.sign_in(), old.sign_in());

    assert_eq!(world.holder(&old).post("/refresh").await.status, 401);

    assert_eq!(world.status_of(&new).await, 200);
    client.refreshed().await;
}

async fn sec_63_fifty_refreshes_at_once_have_one_successor(world: World) {
    let node = world.with(|_| {}).await;
    let old = world.client().signed_in("alice").await;
    let tabs: Vec<_> = (0..50)
        .map(|tab| if tab % 2 == 0 { world.holder(&old) } else { node.holder(&old) })
        .collect();

    let replies = at_once(tabs.iter().map(|tab| tab.post("/refresh"))).await;

    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
    let pairs: Vec<_> = tabs.iter().map(|tab| tab.credential().unwrap()).collect();
    for pair in &pairs {
        assert_eq!(pair.refresh(), pairs[0].refresh(), "one successor");
        assert_ne!(pair.refresh(), old.refresh());
        assert_eq!(world.status_of(pair).await, 200);
    }
    tabs[0].refreshed().await;
    assert_eq!(world.kept().await, 1);
}

async fn sec_76_a_reused_token_whose_sign_in_cannot_be_ended_says_so(world: World) {
    let client = world.client();
    let old = client.signed_in("alice").await;
    client.refreshed().await;
    world.wait(GRACE);
    world.store.set(Op::Delete, Fault::Fails);
    assert!(world.holder(&old).post("/refresh").await.is_unavailable());
    world.store.heal();
    assert_eq!(world.holder(&old).post("/refresh").await.status, 401);
    assert_eq!(world.kept().await, 0);
}
