//! `Auth::ended`: waiting for the end of the request's sign-in.

use std::future::IntoFuture;
use std::time::Duration;

use auth_store::Store;
use tokio::task::JoinHandle;

use crate::harness::{Client, Fault, HOUR, MINUTE, Op, Reply, World};

/// How long a store may be unavailable before the wait ends.
const PATIENCE: Duration = Duration::from_secs(10);

suite!(every:
    sec_14_a_sign_out_ends_the_wait,
    sec_17_a_revocation_ends_the_wait,
    sec_08_the_idle_timeout_ends_the_wait,
    sec_08_waiting_does_not_extend_idle,
    sec_09_the_absolute_timeout_ends_the_wait,
    a_refresh_does_not_end_the_wait,
    sec_04_signing_in_again_ends_the_wait,
    sec_04_signing_in_as_another_user_ends_the_wait,
    the_wait_of_a_client_without_a_sign_in_ends_at_once,
    sec_76_a_store_that_does_not_answer_ends_the_wait,
    sec_76_a_store_that_hangs_ends_the_wait,
    a_short_outage_does_not_end_the_wait,
    a_jump_of_the_clock_during_a_load_does_not_end_the_wait,
    sec_09_the_absolute_timeout_ends_the_wait_without_the_store,
    sec_14_a_store_without_notifications_is_polled,
    a_cancelled_wait_does_not_change_the_sign_in,
);

/// Starts a request that waits for the end, and returns when it has looked at the sign-in.
async fn start_waiting(world: &World, client: &Client) -> JoinHandle<Reply> {
    world.store.reset_calls();
    let waiting = tokio::spawn(client.get("/ended").into_future());
    world.store.reached(Op::Watch, 1).await;
    waiting
}

/// Signs a client in that waits for the end of its sign-in.
async fn waiting_client(world: &World) -> (Client, JoinHandle<Reply>) {
    let (client, _) = world.sign_in("alice").await;
    let pending = start_waiting(world, &client).await;
    (client, pending)
}

/// Wakes the wait by a change after which the sign-in is the same.
async fn wake(world: &World) {
    let [record] = &world.store.records().await[..] else { panic!("one sign-in") };
    world.store.update_subject("alice", record.principal()).await.unwrap();
}

/// Checks that a sign-out of the client ends the wait.
async fn sign_out_ends(waiting: JoinHandle<Reply>, client: &Client) {
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(end_of(waiting).await, "revoked");
}

/// Returns the reason that the request answers with.
async fn end_of(waiting: JoinHandle<Reply>) -> String {
    waiting.await.unwrap().text().to_owned()
}

/// Turns the clock in steps of `time` until `done` returns true.
async fn advance_until(world: &World, time: Duration, mut done: impl FnMut() -> bool) {
    while !done() {
        world.advance(time);
        tokio::time::sleep(Duration::from_millis(1)).await; // depends on the server's progress
    }
}

/// Turns the clock until the wait has ended, and returns the reason.
async fn end_after_advancing(world: &World, waiting: JoinHandle<Reply>, time: Duration) -> String {
    advance_until(world, time, || waiting.is_finished()).await;
    end_of(waiting).await
}

async fn sec_14_a_sign_out_ends_the_wait(world: World) {
    let (client, pending) = waiting_client(&world).await;
    sign_out_ends(pending, &client).await;
}

async fn sec_17_a_revocation_ends_the_wait(world: World) {
    let (here, there) = (world.client(), world.client());
    let credential = here.signed_in("alice").await;
    there.signed_in("alice").await;
    let others = start_waiting(&world, &there).await;
    let pending = start_waiting(&world, &here).await;
    let path = format!("/devices/{}", credential.sign_in());
    assert_eq!(there.call(http::Method::DELETE, &path).await.status, 204);
    assert_eq!(end_of(pending).await, "revoked");
    assert!(!others.is_finished(), "another sign-in of the same user continues");
    assert_eq!(there.post("/logout-everywhere").await.text(), "1");
    assert_eq!(end_of(others).await, "revoked");
}

async fn sec_08_the_idle_timeout_ends_the_wait(world: World) {
    let (_, pending) = waiting_client(&world).await;
    world.advance(HOUR);
    assert_eq!(end_of(pending).await, "expired");
    world.store.reached(Op::DeleteIfIdle, 1).await;
    assert_eq!(world.sign_in_count().await, 0, "it is deleted");
}

/// Requests extend the idle timeout; waiting does not.
async fn sec_08_waiting_does_not_extend_idle(world: World) {
    let (client, pending) = waiting_client(&world).await;
    world.advance(59 * MINUTE);
    assert_eq!(client.get("/me").await.status, 200);
    let noted = world.clock.now();
    while world.store.records().await[0].last_seen() < noted {
        tokio::time::sleep(Duration::from_millis(1)).await; // the touch runs in the background
    }
    world.advance(MINUTE);
    world.store.reached(Op::Watch, 2).await; // the wait has looked again: at the timeout, or after the touch
    assert!(!pending.is_finished(), "the sign-in was used a minute ago");
    world.advance(59 * MINUTE - Duration::from_millis(1));
    assert!(!pending.is_finished());
    world.advance(MINUTE);
    assert_eq!(end_of(pending).await, "expired");
}

async fn sec_09_the_absolute_timeout_ends_the_wait(world: World) {
    let world = world.with_absolute_timeout(HOUR).await;
    let (_, pending) = waiting_client(&world).await;
    world.advance(HOUR);
    assert_eq!(end_of(pending).await, "expired");
}

async fn a_refresh_does_not_end_the_wait(world: World) {
    let (client, pending) = waiting_client(&world).await;
    client.refreshed().await;
    client.refreshed().await;
    assert_eq!(client.get("/me").await.status, 200);
    assert!(!pending.is_finished());
    sign_out_ends(pending, &client).await;
}

/// A client that waits with the old credential may be a thief.
async fn sec_04_signing_in_again_ends_the_wait(world: World) {
    let (client, pending) = waiting_client(&world).await;
    client.signed_in("alice").await;
    assert_eq!(end_of(pending).await, "replaced");
}

async fn sec_04_signing_in_as_another_user_ends_the_wait(world: World) {
    let (client, pending) = waiting_client(&world).await;
    client.signed_in("bob").await;
    assert_eq!(end_of(pending).await, "revoked");
}

async fn the_wait_of_a_client_without_a_sign_in_ends_at_once(world: World) {
    assert_eq!(world.client().get("/ended").await.text(), "not signed in");
    let visitor = world.client();
    visitor.post("/cart").body("tea").await;
    assert_eq!(visitor.get("/ended").await.text(), "not signed in");
}

/// Without an answer from the store, the sign-in may have ended.
async fn sec_76_a_store_that_does_not_answer_ends_the_wait(world: World) {
    an_outage_ends_the_wait(&world, Fault::Fails).await;
    assert_eq!(world.sign_in_count().await, 1, "the sign-in itself has not ended");
}

async fn sec_76_a_store_that_hangs_ends_the_wait(world: World) {
    an_outage_ends_the_wait(&world, Fault::Hangs).await;
}

async fn an_outage_ends_the_wait(world: &World, fault: Fault) {
    let (_, pending) = waiting_client(world).await;
    world.store.set(Op::Load, fault);
    world.advance(HOUR);
    assert_eq!(end_after_advancing(world, pending, PATIENCE / 20).await, "unconfirmed");
    world.store.clear_faults();
}

async fn a_short_outage_does_not_end_the_wait(world: World) {
    let (client, pending) = waiting_client(&world).await;
    world.store.set(Op::Load, Fault::Fails);
    world.store.reset_calls();
    wake(&world).await;
    let moment = Duration::from_millis(50);
    advance_until(&world, moment, || world.store.calls(Op::Load) > 1).await;
    world.store.clear_faults();
    advance_until(&world, moment, || world.store.calls(Op::Watch) > 0).await;
    assert_eq!(client.get("/me").await.status, 200);
    assert!(!pending.is_finished());
    sign_out_ends(pending, &client).await;
}

/// Regression: an answer that was under way when the machine was suspended came too late.
async fn a_jump_of_the_clock_during_a_load_does_not_end_the_wait(world: World) {
    let (client, pending) = waiting_client(&world).await;
    world.store.reset_calls();
    world.store.set(Op::Load, Fault::Hangs);
    wake(&world).await;
    world.store.reached(Op::Load, 1).await;
    world.advance(HOUR / 2);
    tokio::task::yield_now().await;
    world.store.clear_faults();
    world.store.reached(Op::Watch, 1).await;
    assert!(!pending.is_finished());
    sign_out_ends(pending, &client).await;
}

/// Nothing extends the absolute timeout, so the store is not needed.
async fn sec_09_the_absolute_timeout_ends_the_wait_without_the_store(world: World) {
    let world = world.with_absolute_timeout(HOUR).await;
    let (_, pending) = waiting_client(&world).await;
    world.store.set(Op::Load, Fault::Fails);
    world.advance(HOUR);
    assert_eq!(end_of(pending).await, "expired");
}

async fn sec_14_a_store_without_notifications_is_polled(world: World) {
    world.store.stop_notifying();
    let (client, _) = world.sign_in("alice").await;
    world.store.reset_calls();
    let pending = tokio::spawn(client.get("/ended").into_future());
    let moment = Duration::from_millis(20);
    advance_until(&world, moment, || world.store.calls(Op::Load) > 2).await;
    assert!(!pending.is_finished());
    assert_eq!(client.post("/logout").await.status, 204);
    let before = world.clock.now();
    assert_eq!(end_after_advancing(&world, pending, moment).await, "revoked");
    assert!(world.clock.now().since(before) < 10 * Duration::from_secs(1), "about once a second");
}

async fn a_cancelled_wait_does_not_change_the_sign_in(world: World) {
    let (client, pending) = waiting_client(&world).await;
    pending.abort();
    assert!(pending.await.is_err());
    assert_eq!(client.get("/me").await.status, 200);
    let again = start_waiting(&world, &client).await;
    sign_out_ends(again, &client).await;
}
