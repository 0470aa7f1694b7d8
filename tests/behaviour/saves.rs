//! When and how the changes of a request are saved, and what `Debug` shows of the handles.

use std::error::Error;

use auth_core::{Auth, AuthContext, AuthErrorKind, Principal, Transport};
use auth_store::{InvalidValue, Session, Store};
use http::request::Parts;
use http::{Response, StatusCode};

use crate::app::User;
use crate::harness::{Credential, Fault, Op, World, sign_in_by};

suite!(every:
    a_handle_is_closed_after_the_response,
    a_detached_handle_saves_after_the_response,
    sec_04_a_detached_handle_stays_with_its_user,
    data_of_a_failed_early_save_is_saved_with_the_response,
    an_update_whose_answer_was_lost_counts_once,
    equal_updates_of_two_requests_both_count_if_one_answer_was_lost,
    an_update_that_may_have_been_stored_is_not_repeated,
    a_save_after_the_end_of_the_sign_in_answers_with_a_challenge,
    a_request_that_only_reads_writes_nothing,
    sec_74_debug_shows_no_secret,
    sec_76_a_sign_in_is_rolled_back_if_the_handlers_own_save_fails,
    changes_are_saved_with_every_response,
    discarded_changes_are_not_saved,
    a_value_of_another_type_is_a_named_error_and_is_kept,
);

fn session(head: &Parts) -> Session {
    Session::of(&head.extensions).unwrap()
}

/// Signs in and returns the credential.
async fn signed_in(world: &World) -> Credential {
    world.client().signed_in("alice").await
}

async fn handle_of_a_finished_request(world: &World, credential: &Credential) -> Session {
    let (give, mut take) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |head: Parts| {
        give.send(session(&head)).unwrap();
        async { Response::default() }
    };
    assert_eq!(world.handle(Some(credential), handler).await.status(), 200);
    take.recv().await.unwrap()
}

async fn a_handle_is_closed_after_the_response(world: World) {
    let credential = signed_in(&world).await;
    let handle = handle_of_a_finished_request(&world, &credential).await;
    for refused in [
        handle.insert("cart", &["late"]),
        handle.remove("cart"),
        handle.update("cart", |_: &mut Vec<String>| {}),
    ] {
        assert_eq!(refused.unwrap_err().kind(), AuthErrorKind::Closed);
    }
    handle.save().await.unwrap();
    assert_eq!(world.client_with(&credential).get("/cart").await.text(), "[]");
}

async fn a_detached_handle_saves_after_the_response(world: World) {
    let credential = signed_in(&world).await;
    let handle = handle_of_a_finished_request(&world, &credential).await.detach();
    handle.insert("cart", &["late"]).unwrap();
    assert_eq!(world.client_with(&credential).get("/cart").await.text(), "[]");
    handle.save().await.unwrap();
    assert_eq!(world.client_with(&credential).get("/cart").await.text(), r#"["late"]"#);
}

/// Its changes belong to the user of the request that created the handle.
async fn sec_04_a_detached_handle_stays_with_its_user(world: World) {
    let credential = signed_in(&world).await;
    let transport = world.transport();
    let handler = async |head: Parts| {
        let detached = session(&head).detach();
        detached.insert("cart", &["alice's"]).unwrap();
        let auth = Auth::<User>::of(&head).unwrap();
        let bob = Principal::new("bob").claims(User::default());
        let _ = sign_in_by(auth.sign_in(bob), transport).await.unwrap();
        let refused = detached.save().await.unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::Unauthenticated, "alice's sign-in has ended");
        let cart: Option<Vec<String>> = session(&head).get("cart").await.unwrap();
        Response::new(format!("{cart:?}"))
    };
    assert_eq!(world.handle(Some(&credential), handler).await.body(), "None");
}

async fn data_of_a_failed_early_save_is_saved_with_the_response(world: World) {
    let credential = signed_in(&world).await;
    world.store.set(Op::Update, Fault::Fails);
    let store = &world.store;
    let handler = async |head: Parts| {
        let session = session(&head);
        session.insert("cart", &["apple"]).unwrap();
        session.save().await.unwrap_err();
        store.clear_faults();
        Response::default()
    };
    let status = world.handle(Some(&credential), handler).await.status();
    let cart = world.client_with(&credential).get("/cart").await;
    assert_eq!((status.as_u16(), cart.text()), (200, r#"["apple"]"#));
}

fn add_apple(head: &Parts) -> Session {
    let session = session(head);
    session.update("cart", |items: &mut Vec<String>| items.push("apple".to_owned())).unwrap();
    session
}

/// Runs a request that adds an apple and saves, with this fault, and then runs `meanwhile` and adds a pear.
/// Returns the status of the response and the cart.
async fn save_fails_then<F: Future<Output = ()>>(
    world: &World,
    fault: Fault,
    meanwhile: impl Fn(Credential) -> F + Clone,
) -> (u16, String) {
    let credential = signed_in(world).await;
    let handler = async |head: Parts| {
        let session = add_apple(&head);
        world.store.set(Op::Update, fault);
        assert_eq!(session.save().await.unwrap_err().kind(), AuthErrorKind::Unavailable);
        world.store.clear_faults();
        meanwhile(credential.clone()).await;
        let pear = |items: &mut Vec<String>| items.push("pear".to_owned());
        session.update("cart", pear).unwrap();
        Response::default()
    };
    let status = world.handle(Some(&credential), handler).await.status();
    (status.as_u16(), world.client_with(&credential).get("/cart").await.text().to_owned())
}

/// The fault: the update after the lost answer was applied on top of the first one.
async fn an_update_whose_answer_was_lost_counts_once(world: World) {
    for fault in [Fault::AnswerLost, Fault::Fails] {
        let saved = save_fails_then(&world, fault, async |_| {}).await;
        assert_eq!(saved, (200, r#"["apple","pear"]"#.to_owned()), "{fault:?}");
    }
}

/// Another request stores the same change that this one tried to store.
async fn equal_updates_of_two_requests_both_count_if_one_answer_was_lost(world: World) {
    let other = async |credential: Credential| {
        let handler = async |head: Parts| {
            add_apple(&head);
            Response::default()
        };
        assert_eq!(world.handle(Some(&credential), handler).await.status(), 200);
    };
    for fault in [Fault::AnswerLost, Fault::Fails] {
        let saved = save_fails_then(&world, fault, other).await;
        assert_eq!(saved, (200, r#"["apple","apple","pear"]"#.to_owned()), "{fault:?}");
    }
}

/// Two other requests have saved since, so the outcome of this save is unknown.
async fn an_update_that_may_have_been_stored_is_not_repeated(world: World) {
    let others = async |credential: Credential| {
        for _ in 0..2 {
            let handler = async |head: Parts| {
                add_apple(&head).save().await.unwrap();
                Response::default()
            };
            assert_eq!(world.handle(Some(&credential), handler).await.status(), 200);
        }
    };
    let (status, cart) = save_fails_then(&world, Fault::AnswerLost, others).await;
    assert_eq!((status, &*cart), (503, r#"["apple","apple","apple"]"#));
    let (status, cart) = save_fails_then(&world, Fault::Fails, others).await;
    assert_eq!((status, &*cart), (503, r#"["apple","apple"]"#));
}

/// RFC 9110 section 15.5.2 requires a challenge with a 401.
async fn a_save_after_the_end_of_the_sign_in_answers_with_a_challenge(world: World) {
    let credential = signed_in(&world).await;
    let store = &world.store;
    let handler = async |head: Parts| {
        let session = session(&head);
        session.insert("cart", &["apple"]).unwrap();
        store.revoke_subject("alice").await.unwrap();
        let error = session.save().await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Unauthenticated);
        let mut response = Response::default();
        *response.headers_mut() = error.headers().clone();
        response
    };
    let response = world.handle(Some(&credential), handler).await;
    assert!(response.headers().contains_key("www-authenticate"), "{response:?}");
}

async fn a_request_that_only_reads_writes_nothing(world: World) {
    let credential = signed_in(&world).await;
    world.store.reset_calls();
    let handler = async |head: Parts| {
        let cart: Option<Vec<String>> = session(&head).get("cart").await.unwrap();
        Response::new(format!("{cart:?}"))
    };
    let response = world.handle(Some(&credential), handler).await;
    assert_eq!(response.body(), "None");
    assert_eq!(world.store.writes(), 0);
}

async fn sec_74_debug_shows_no_secret(world: World) {
    let transport = world.transport();
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        let context = AuthContext::of(&head.extensions, "this test").unwrap();
        let sign_in = auth.sign_in(Principal::new("bob").claims(User::default()));
        let shown = format!("{sign_in:?}");
        let signed_in = match transport {
            Transport::Explicit => sign_in.as_tokens().await.unwrap(),
            Transport::Ambient => sign_in.await.unwrap(),
        };
        let session = session(&head);
        session.insert("cart", &["apple"]).unwrap();
        let state = context.state();
        let shown = format!("{shown} {auth:?} {context:?} {state:?} {signed_in:?} {session:?}");
        let token = signed_in.tokens.map(|tokens| tokens.access_token);
        let mut response = Response::new(shown);
        response.extensions_mut().insert(token);
        response
    };
    let old = signed_in(&world).await;
    let response = world.handle(Some(&old), handler).await;
    let token = response.extensions().get::<Option<Box<str>>>().unwrap().as_deref();
    let new = Credential::from_response(token, response.headers()).unwrap();
    assert_eq!(world.status_of(&new).await, 200);
    let shown = response.body();
    for secret in old.secrets().into_iter().chain(new.secrets()) {
        assert!(!shown.contains(secret), "{shown}");
    }
}

async fn sec_76_a_sign_in_is_rolled_back_if_the_handlers_own_save_fails(world: World) {
    let credential = signed_in(&world).await;
    world.store.set(Op::Update, Fault::Fails);
    let transport = world.transport();
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        let session = session(&head);
        let bob = Principal::new("bob").claims(User::default());
        let _withheld = sign_in_by(auth.sign_in(bob), transport).await.unwrap();
        session.insert("cart", &["apple"]).unwrap();
        let mut response = Response::default();
        if session.save().await.is_err() {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    };
    let response = world.handle(Some(&credential), handler).await;
    assert_eq!(response.status(), 503);
    assert!(!response.headers().contains_key("set-cookie"), "{response:?}");
    assert_eq!(world.sign_in_count().await, 0, "bob's sign-in was rolled back");
}

/// Runs a handler that adds an apple, does this, and answers with the status. Returns the cart.
async fn cart_after(world: &World, status: StatusCode, then: fn(&Session)) -> String {
    let credential = signed_in(world).await;
    let handler = async |head: Parts| {
        then(&add_apple(&head));
        let mut response = Response::default();
        *response.status_mut() = status;
        response
    };
    assert_eq!(world.handle(Some(&credential), handler).await.status(), status);
    world.client_with(&credential).get("/cart").await.text().to_owned()
}

/// A status does not tell whether the changes should last.
async fn changes_are_saved_with_every_response(world: World) {
    for status in [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::INTERNAL_SERVER_ERROR] {
        assert_eq!(cart_after(&world, status, |_| {}).await, r#"["apple"]"#, "{status}");
    }
}

async fn discarded_changes_are_not_saved(world: World) {
    for status in [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR] {
        assert_eq!(cart_after(&world, status, Session::discard).await, "[]", "{status}");
    }
}

/// A deployment has changed the type of a value.
async fn a_value_of_another_type_is_a_named_error_and_is_kept(world: World) {
    let credential = signed_in(&world).await;
    let before = async |head: Parts| {
        session(&head).insert("cart", &7).unwrap();
        Response::default()
    };
    assert_eq!(world.handle(Some(&credential), before).await.status(), 200);
    let handler = async |head: Parts| {
        let session = session(&head);
        let error = session.get::<Vec<String>>("cart").await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Serialization);
        let invalid: &InvalidValue = error.source().unwrap().downcast_ref().unwrap();
        assert_eq!(
            (&*invalid.key, invalid.type_name),
            ("cart", std::any::type_name::<Vec<String>>())
        );
        add_apple(&head);
        Response::default()
    };
    assert_eq!(world.handle(Some(&credential), handler).await.status(), 500);
    let after = async |head: Parts| {
        assert_eq!(session(&head).get::<u8>("cart").await.unwrap(), Some(7));
        Response::default()
    };
    assert_eq!(world.handle(Some(&credential), after).await.status(), 200);
}
