//! Clients that hang up, and credentials that do not reach their clients.

use std::future::{Future, IntoFuture};
use std::time::Duration;

use auth_core::{Auth, AuthErrorKind, Authenticator, Principal, Transport};
use auth_store::{OverflowPolicy, Session, Store};
use http::request::Parts;
use http::{Request, Response};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tower::{Layer, ServiceExt, service_fn};

use crate::app::{Login, User};
use crate::harness::{
    Call, Credential, Fault, Framework, Op, TestBackend, World, jwt, many_threads, session,
    sign_in_by,
};

suite!(every:
    sec_93_what_ends_sign_ins_completes_if_the_client_hangs_up,
    sec_93_a_sign_in_of_a_client_that_hangs_up_is_rolled_back,
    sec_93_signing_in_again_is_undone_if_the_client_hangs_up,
    sec_93_a_sign_in_without_a_response_is_rolled_back,
    sec_93_a_sign_in_whose_answer_was_lost_locks_no_user_out,
    sec_59_a_step_up_that_is_rolled_back_restores_no_role,
    sec_59_a_role_change_during_the_rollback_of_a_step_up_is_not_lost,
    a_change_of_data_during_the_rollback_of_a_step_up_is_kept,
    sec_93_a_step_up_that_is_rolled_back_leaves_the_sign_in,
    a_step_up_with_too_much_data_leaves_the_sign_in,
    after_the_head_a_cookie_cannot_be_delivered,
);

suite!(bearer: sec_93_a_refresh_is_undone_if_the_client_hangs_up);

suite!(visitors:
    sec_93_a_visitor_who_hangs_up_while_signing_in_leaves_no_sign_in,
    sec_93_a_visitor_whose_sign_in_was_rolled_back_can_store_data,
);

fn alice() -> Principal<User> {
    Principal::new("alice").claims(User::default())
}

/// Signs alice in, in a handler whose response does not carry the new credential.
async fn sign_in(head: &Parts, transport: Transport) {
    let auth = Auth::<User>::of(head).unwrap();
    let _lost = sign_in_by(auth.sign_in(alice()), transport).await.unwrap();
}

/// Sends a request, and hangs up when it has called this operation, which has this fault. If only its answer
/// is delayed, the operation has been executed by then.
async fn hang_up_at(world: &World, op: Op, fault: Fault, call: Call) {
    world.store.reset_calls();
    world.store.set(op, fault);
    let sent = tokio::spawn(call.into_future());
    match fault {
        Fault::AnswerDelayed => world.store.executed(op).await,
        _ => world.store.reached(op, 1).await,
    }
    sent.abort();
    assert!(sent.await.is_err());
    // The server has noticed when it serves the next connection of this client.
    for _ in 0..5 {
        assert_eq!(world.client().get("/").await.status, 200);
        tokio::time::sleep(Duration::from_millis(1)).await; // depends on the server
    }
    world.store.clear_faults();
}

/// Waits until the condition holds. The deadline of the behaviour ends the wait.
async fn eventually<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    while !condition().await {
        tokio::time::sleep(Duration::from_millis(1)).await; // depends on the server
    }
}

async fn sec_93_what_ends_sign_ins_completes_if_the_client_hangs_up(world: World) {
    for (op, path, left) in [
        (Op::Delete, "/logout", 1),
        (Op::Revoke, "/logout-others", 1),
        (Op::Revoke, "/logout-everywhere", 0),
        (Op::Delete, "/logout-everywhere", 0),
    ] {
        let (client, _) = world.sign_in("alice").await;
        let (other, _) = world.sign_in("alice").await;
        hang_up_at(&world, op, Fault::Hangs, client.post(path)).await;
        eventually(async || world.sign_in_count().await == left).await;
        let _ = (other.post("/logout-everywhere").await, client.post("/logout-everywhere").await);
        assert_eq!(world.sign_in_count().await, 0, "{path}");
    }
}

async fn sec_93_a_sign_in_of_a_client_that_hangs_up_is_rolled_back(world: World) {
    let login = Login::from("alice").via(world.transport());
    for fault in [Fault::Hangs, Fault::AnswerDelayed] {
        let client = world.client();
        hang_up_at(&world, Op::Create, fault, client.post("/login").json(&login)).await;
        eventually(async || world.sign_in_count().await == 0).await;
    }
}

/// The secret was replaced, but the new one was not delivered.
async fn sec_93_signing_in_again_is_undone_if_the_client_hangs_up(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let login = Login::from("alice").via(world.transport());
    for fault in [Fault::Hangs, Fault::AnswerDelayed] {
        hang_up_at(&world, Op::Rotate, fault, client.post("/login").json(&login)).await;
        eventually(async || world.status_of(&old).await == 200).await;
        assert_eq!(world.sign_in_count().await, 1);
    }
    world.client_with(&old).refreshed().await;
}

/// Refresh tokens and cookies can be refreshed again instead, unless that was turned off.
async fn sec_93_a_refresh_is_undone_if_the_client_hangs_up(world: World) {
    let (client, old) = world.sign_in("alice").await;
    for fault in [Fault::Hangs, Fault::AnswerDelayed] {
        hang_up_at(&world, Op::Rotate, fault, client.post("/refresh")).await;
        eventually(async || world.status_of(&old).await == 200).await;
    }
    world.client_with(&old).refreshed().await;
}

/// Regression: the old secret was invalid, and the client did not have the new one.
#[test]
fn sec_93_a_refresh_that_cannot_be_repeated_is_undone_if_the_client_hangs_up() {
    let cookie =
        TestBackend::by_cookie(|setup| session(setup).refresh_grace(Duration::ZERO).erased());
    let tokens = TestBackend::by_token(|setup| jwt(setup).refresh_grace(Duration::ZERO).erased());
    for backend in [cookie, tokens] {
        many_threads(backend, Framework::Hyper, async |world| {
            let (client, old) = world.sign_in("alice").await;
            let secret = async || world.store.list("alice").await.unwrap()[0].current;
            let first = secret().await;
            for fault in [Fault::Hangs, Fault::AnswerDelayed] {
                hang_up_at(&world, Op::Rotate, fault, client.post("/refresh")).await;
                eventually(async || secret().await == first).await;
            }
            let new = world.client_with(&old).refreshed().await;
            assert_eq!(world.status_of(&new).await, 200);
            assert_eq!(world.client_with(&old).post("/refresh").await.status, 401, "no repeat");
        });
    }
}

async fn sec_93_a_visitor_who_hangs_up_while_signing_in_leaves_no_sign_in(world: World) {
    let login = Login::from("alice").via(world.transport());
    for fault in [Fault::Hangs, Fault::AnswerDelayed] {
        let client = world.client();
        client.post("/cart").body("apple").await;
        hang_up_at(&world, Op::DeleteIfVersion, fault, client.post("/login").json(&login)).await;
        let no_user = async || world.store.records().await.iter().all(|it| it.subject.is_none());
        eventually(no_user).await;
    }
}

/// Regression: the marker of the visitor's cookie was left, so that nothing could be stored for a minute.
async fn sec_93_a_visitor_whose_sign_in_was_rolled_back_can_store_data(world: World) {
    let node = world.with(|_| {}).await;
    let login = Login::from("alice").via(world.transport());
    for world in [&world, &node] {
        let client = world.client();
        client.post("/cart").body("apple").await;
        let call = client.post("/login").json(&login);
        hang_up_at(world, Op::DeleteIfVersion, Fault::AnswerDelayed, call).await;
        eventually(async || client.post("/cart").body("pear").await.status == 200).await;
        // If the client hung up before the store deleted the former sign-in, that is kept with its data.
        let cart = client.get("/cart").await;
        assert!([r#"["pear"]"#, r#"["apple","pear"]"#].contains(&cart.text()), "{cart:?}");
    }
}

/// The handler has signed the user in. Then the client hangs up, or the inner service fails.
async fn sec_93_a_sign_in_without_a_response_is_rolled_back(world: World) {
    let transport = world.transport();
    let signed_in = Notify::new();
    let handler = async |head: Parts| {
        sign_in(&head, transport).await;
        signed_in.notify_one();
        std::future::pending().await
    };
    tokio::select! {
        biased;
        _ = world.handle(None, handler) => panic!("it never answers"),
        () = signed_in.notified() => {}
    }
    assert_eq!(world.sign_in_count().await, 0, "the client has hung up");

    let failing = service_fn(async |request: Request<()>| {
        sign_in(&request.into_parts().0, transport).await;
        Err::<Response<String>, _>("the inner service failed")
    });
    let layer = auth_core::any_of([world.auth()]).optional();
    let failed = layer.layer(failing).oneshot(Request::post("/").body(()).unwrap()).await;
    assert!(failed.is_err());
    assert_eq!(world.sign_in_count().await, 0, "the inner service has failed");
}

async fn sec_93_a_sign_in_whose_answer_was_lost_locks_no_user_out(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    world.store.set(Op::Create, Fault::AnswerLost);
    assert!(world.client().login("alice").await.is_unavailable());
    world.store.clear_faults();
    assert_eq!(world.sign_in_count().await, 0);
    world.client().signed_in("alice").await;
}

/// The response with the new credential is replaced by 503.
async fn sec_93_a_step_up_that_is_rolled_back_leaves_the_sign_in(world: World) {
    let (_, old) = world.sign_in("alice").await;
    let (transport, store) = (world.transport(), &world.store);
    let handler = async |head: Parts| {
        sign_in(&head, transport).await;
        Session::of(&head.extensions).unwrap().insert("cart", &["apple"]).unwrap();
        store.set(Op::Update, Fault::Fails);
        Response::default()
    };
    let response = world.handle(Some(&old), handler).await;
    assert_eq!(response.status(), 503);
    assert!(!response.headers().contains_key("set-cookie"), "{response:?}");
    world.store.clear_faults();
    assert_eq!(world.sign_in_count().await, 1);
    eventually(async || world.status_of(&old).await == 200).await; // the sign-in is as it was
}

/// Regression: the rollback wrote the former roles back.
async fn sec_59_a_step_up_that_is_rolled_back_restores_no_role(world: World) {
    let (_, old) = world.sign_in("alice").await;
    let (transport, store) = (world.transport(), &world.store);
    let changed = auth_store::encode(&["suspended".into()], &alice().claims).unwrap();
    let handler = async |head: Parts| {
        sign_in(&head, transport).await;
        assert_eq!(store.update_subject("alice", &changed).await.unwrap(), 1);
        Session::of(&head.extensions).unwrap().insert("cart", &["apple"]).unwrap();
        store.set(Op::Update, Fault::Fails);
        Response::default()
    };
    assert_eq!(world.handle(Some(&old), handler).await.status(), 503);
    world.store.clear_faults();
    eventually(async || world.status_of(&old).await == 200).await; // its secret is restored
    let records = world.store.list("alice").await.unwrap();
    assert_eq!(records[0].principal(), &*changed, "but no role");
}

/// Signs alice in again and rolls it back, until the rollback has loaded the sign-in and is about to restore
/// its secret.
async fn begin_roll_back(world: &World, old: &Credential) {
    let (transport, store) = (world.transport(), &world.store);
    let handler = async |head: Parts| {
        sign_in(&head, transport).await;
        Session::of(&head.extensions).unwrap().insert("cart", &["apple"]).unwrap();
        store.set(Op::Update, Fault::Fails);
        store.set(Op::Rotate, Fault::Hangs);
        store.reset_calls();
        Response::default()
    };
    assert_eq!(world.handle(Some(old), handler).await.status(), 503);
    store.reached(Op::Rotate, 1).await;
}

/// Regression: roles that changed between the two steps of the rollback were overwritten. The store compares
/// the secret only, so the sign-in ends.
async fn sec_59_a_role_change_during_the_rollback_of_a_step_up_is_not_lost(world: World) {
    let (_, old) = world.sign_in("alice").await;
    let before = world.store.list("alice").await.unwrap()[0].current;
    begin_roll_back(&world, &old).await;
    let changed = auth_store::encode(&["suspended".into()], &alice().claims).unwrap();
    assert_eq!(world.store.update_subject("alice", &changed).await.unwrap(), 1);
    world.store.clear_faults();
    let is_safe = async || match &world.store.list("alice").await.unwrap()[..] {
        [record] => record.current == before && record.principal() == &*changed,
        records => records.is_empty(),
    };
    eventually(is_safe).await;
}

/// Data that others store during the rollback neither is lost nor ends the sign-in.
async fn a_change_of_data_during_the_rollback_of_a_step_up_is_kept(world: World) {
    let (_, old) = world.sign_in("alice").await;
    begin_roll_back(&world, &old).await;
    world.store.set(Op::Update, Fault::AnswerLost);
    let record = world.store.list("alice").await.unwrap().remove(0);
    let mut data = record.data.clone();
    data.insert("theirs", "1");
    let _lost = world.store.update(&record.id, record.version, data).await;
    world.store.clear_faults();
    eventually(async || world.status_of(&old).await == 200).await;
    let record = world.store.list("alice").await.unwrap().remove(0);
    assert!(record.data.get("theirs").is_some());
}

/// Too much data is a mistake of the handler. A cookie is delivered nevertheless; a token is lost with
/// the response's body, so the old one is valid again.
async fn a_step_up_with_too_much_data_leaves_the_sign_in(world: World) {
    let (_, old) = world.sign_in("alice").await;
    let transport = world.transport();
    let handler = async |head: Parts| {
        sign_in(&head, transport).await;
        let session = Session::of(&head.extensions).unwrap();
        session.insert("cart", &"x".repeat(70_000)).unwrap();
        Response::default()
    };
    let response = world.handle(Some(&old), handler).await;
    assert_eq!(response.status(), 413);
    assert_eq!(world.sign_in_count().await, 1);
    let held = match transport {
        Transport::Ambient => Credential::from_response(None, response.headers()).unwrap(),
        Transport::Explicit => old,
    };
    eventually(async || world.status_of(&held).await == 200).await;
}

async fn after_the_head_a_cookie_cannot_be_delivered(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let kept = Mutex::new(None);
    let handler = async |head: Parts| {
        *kept.lock() = Some(Auth::<User>::of(&head).unwrap());
        Response::default()
    };
    assert_eq!(world.handle(Some(&credential), handler).await.status(), 200);
    let auth = kept.lock().take().unwrap();
    let late = sign_in_by(auth.sign_in(alice()), world.transport()).await;
    if credential.refresh().is_some() || world.transport() == Transport::Ambient {
        assert_eq!(late.unwrap_err().kind(), AuthErrorKind::Closed);
        assert_eq!(world.status_of(&credential).await, 200, "the secret was not replaced");
        if world.transport() == Transport::Ambient {
            assert_eq!(auth.refresh().await.unwrap_err().kind(), AuthErrorKind::Closed);
            assert_eq!(world.status_of(&credential).await, 200);
        }
    } else {
        assert!(late.unwrap().tokens.is_some(), "the handler can still send a token");
        assert_eq!(world.sign_in_count().await, 1);
    }
    drop(auth);
    assert_eq!(world.sign_in_count().await, 1);
}
