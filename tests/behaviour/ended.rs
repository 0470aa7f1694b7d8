//! Waiting for the end of a request's sign-in.

use std::future::IntoFuture;
use std::time::Duration;

use auth_store::{Lifetime, Store};
use tokio::task::JoinHandle;

use crate::harness::{Client, Fault, Op, Reply, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// For how long a store may be silent.
const PATIENCE: Duration = Duration::from_secs(10);

suite!(every:
    sec_14_a_sign_out_ends_the_wait,
    sec_17_a_revocation_ends_the_wait,
    sec_08_the_idle_limit_ends_the_wait,
    sec_08_to_wait_is_no_use,
    sec_09_the_absolute_limit_ends_the_wait,
    a_refresh_does_not_end_the_wait,
    sec_04_signing_in_anew_ends_the_wait,
    sec_04_another_user_ends_the_wait,
    with_nobody_there_is_no_wait,
    sec_76_a_store_that_does_not_answer_ends_the_wait,
    sec_76_a_store_that_hangs_ends_the_wait,
    a_short_outage_does_not_end_the_wait,
    sec_09_the_absolute_limit_ends_the_wait_without_the_store,
    sec_14_a_store_that_tells_nothing_is_asked,
    a_wait_that_is_given_up_leaves_the_sign_in_alone,
);

/// A request that waits for the end, and has looked at the sign-in.
async fn waiting(world: &World, client: &Client) -> JoinHandle<Reply> {
    world.store.forget_calls();
    let waiting = tokio::spawn(client.get("/ended").into_future());
    world.store.reached(Op::Watch, 1).await;
    waiting
}

/// How it ended.
async fn end_of(waiting: JoinHandle<Reply>) -> String {
    waiting.await.unwrap().text().to_owned()
}

/// Turns the clock, each time by so much, until something has happened.
async fn turn_until(world: &World, time: Duration, mut done: impl FnMut() -> bool) {
    while !done() {
        world.wait(time);
        tokio::time::sleep(Duration::from_millis(1)).await; // the server's state
    }
}

/// Turns the clock until the wait has ended.
async fn end_after_turns(world: &World, waiting: JoinHandle<Reply>, time: Duration) -> String {
    turn_until(world, time, || waiting.is_finished()).await;
    end_of(waiting).await
}

async fn sec_14_a_sign_out_ends_the_wait(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(end_of(waits).await, "revoked");
}

async fn sec_17_a_revocation_ends_the_wait(world: World) {
    let (here, there) = (world.client(), world.client());
    let credential = here.signed_in("alice").await;
    there.signed_in("alice").await;
    let others = waiting(&world, &there).await;
    let waits = waiting(&world, &here).await;
    let path = format!("/devices/{}", credential.sign_in());
    assert_eq!(there.call(http::Method::DELETE, &path).await.status, 204);
    assert_eq!(end_of(waits).await, "revoked");
    assert!(!others.is_finished(), "another sign-in of the same user goes on");
    assert_eq!(there.post("/logout-everywhere").await.text(), "1");
    assert_eq!(end_of(others).await, "revoked");
}

async fn sec_08_the_idle_limit_ends_the_wait(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    world.wait(HOUR);
    assert_eq!(end_of(waits).await, "expired");
    world.store.reached(Op::DeleteIfIdle, 1).await;
    assert_eq!(world.kept().await, 0, "it is gone for good");
}

/// Requests keep the sign-in alive; that somebody waits does not.
async fn sec_08_to_wait_is_no_use(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    world.wait(59 * MINUTE);
    assert_eq!(client.get("/me").await.status, 200);
    let noted = world.clock.now();
    while world.store.records().await[0].last_seen() < noted {
        tokio::time::sleep(Duration::from_millis(1)).await; // no response waits for it
    }
    world.store.forget_calls();
    world.wait(MINUTE);
    world.store.reached(Op::Watch, 1).await; // it has looked whether the limit is reached
    assert!(!waits.is_finished(), "it was used a minute ago");
    world.wait(59 * MINUTE - Duration::from_millis(1));
    assert!(!waits.is_finished());
    world.wait(MINUTE);
    assert_eq!(end_of(waits).await, "expired");
}

async fn sec_09_the_absolute_limit_ends_the_wait(world: World) {
    let world = world.with(|setup| setup.lifetime = Lifetime::new(None, HOUR).unwrap()).await;
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    world.wait(HOUR);
    assert_eq!(end_of(waits).await, "expired");
}

async fn a_refresh_does_not_end_the_wait(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    client.refreshed().await;
    client.refreshed().await;
    assert_eq!(client.get("/me").await.status, 200);
    assert!(!waits.is_finished());
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(end_of(waits).await, "revoked");
}

/// Whoever waits by the old credential may be somebody who took it.
async fn sec_04_signing_in_anew_ends_the_wait(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    client.signed_in("alice").await;
    assert_eq!(end_of(waits).await, "replaced");
}

async fn sec_04_another_user_ends_the_wait(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    client.signed_in("bob").await;
    assert_eq!(end_of(waits).await, "revoked");
}

async fn with_nobody_there_is_no_wait(world: World) {
    assert_eq!(world.client().get("/ended").await.text(), "not signed in");
    let visitor = world.client();
    visitor.post("/cart").body("tea").await;
    assert_eq!(visitor.get("/ended").await.text(), "not signed in");
}

/// Until the store can be asked nobody can know that the sign-in stands.
async fn sec_76_a_store_that_does_not_answer_ends_the_wait(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    world.store.set(Op::Load, Fault::Fails);
    world.wait(HOUR);
    assert_eq!(end_after_turns(&world, waits, PATIENCE / 20).await, "unconfirmed");
    world.store.heal();
    assert_eq!(world.kept().await, 1, "nothing was ended by that");
}

async fn sec_76_a_store_that_hangs_ends_the_wait(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    world.store.set(Op::Load, Fault::Hangs);
    world.wait(HOUR);
    assert_eq!(end_after_turns(&world, waits, PATIENCE / 20).await, "unconfirmed");
    world.store.heal();
}

async fn a_short_outage_does_not_end_the_wait(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    world.store.set(Op::Load, Fault::Fails);
    world.store.forget_calls();
    let [record] = &world.store.records().await[..] else { panic!("one sign-in") };
    world.store.update_subject("alice", record.principal()).await.unwrap(); // a change wakes it
    let moment = Duration::from_millis(50);
    turn_until(&world, moment, || world.store.calls(Op::Load) > 1).await;
    world.store.heal();
    turn_until(&world, moment, || world.store.calls(Op::Watch) > 0).await;
    assert_eq!(client.get("/me").await.status, 200);
    assert!(!waits.is_finished());
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(end_of(waits).await, "revoked");
}

/// Nothing moves that limit, so nobody has to be asked.
async fn sec_09_the_absolute_limit_ends_the_wait_without_the_store(world: World) {
    let world = world.with(|setup| setup.lifetime = Lifetime::new(None, HOUR).unwrap()).await;
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    world.store.set(Op::Load, Fault::Fails);
    world.wait(HOUR);
    assert_eq!(end_of(waits).await, "expired");
}

async fn sec_14_a_store_that_tells_nothing_is_asked(world: World) {
    world.store.fall_silent();
    let client = world.client();
    client.signed_in("alice").await;
    world.store.forget_calls();
    let waits = tokio::spawn(client.get("/ended").into_future());
    let moment = Duration::from_millis(20);
    turn_until(&world, moment, || world.store.calls(Op::Load) > 2).await;
    assert!(!waits.is_finished());
    assert_eq!(client.post("/logout").await.status, 204);
    let before = world.clock.now();
    assert_eq!(end_after_turns(&world, waits, moment).await, "revoked");
    assert!(world.clock.now().since(before) < 10 * Duration::from_secs(1), "about once a second");
}

async fn a_wait_that_is_given_up_leaves_the_sign_in_alone(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let waits = waiting(&world, &client).await;
    waits.abort();
    assert!(waits.await.is_err());
    assert_eq!(client.get("/me").await.status, 200);
    let again = waiting(&world, &client).await;
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(end_of(again).await, "revoked");
}
