//! A store that fails or does not answer.

use std::future::IntoFuture;

use crate::app::Login;
use crate::harness::{Fault, Op, World};

suite!(every:
    sec_76_no_request_is_anonymous_while_the_store_is_down,
    sec_76_no_request_is_anonymous_while_the_store_hangs,
    sec_76_a_failed_sign_in_issues_no_credential,
    sec_76_a_failed_sign_out_is_reported,
    sec_79_data_that_cannot_be_loaded_is_not_overwritten,
    sec_79_data_that_cannot_be_saved_is_not_acknowledged,
    sec_76_a_sign_in_whose_data_cannot_be_saved_is_rolled_back,
    a_failed_touch_does_not_fail_the_request,
    a_failed_touch_does_not_fail_a_refresh,
    sec_75_a_failure_reveals_nothing_about_the_store,
);

suite!(visitors:
    sec_76_a_visitor_whose_cart_cannot_be_moved_is_not_signed_in,
    sec_76_a_visitor_whose_cart_cannot_be_saved_gets_no_cookie,
    a_client_without_a_cookie_does_not_notice_an_outage,
);

/// The old secret is invalid at that time, so the response has to contain the new one.
async fn a_failed_touch_does_not_fail_a_refresh(world: World) {
    let (client, _) = world.sign_in("alice").await;
    world.store.set(Op::Touch, Fault::Fails);
    assert!(client.post("/refresh").await.status.is_success());
    assert_eq!(client.get("/me").await.status, 200);
}

async fn sec_76_no_request_is_anonymous_while_the_store_is_down(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.set_all(Fault::Fails);

    for path in ["/", "/me", "/maybe", "/who", "/cart", "/devices", "/admin", "/step-up"] {
        let reply = world.client_with(&credential).get(path).await;
        assert!(reply.is_unavailable(), "{path}: {reply:?}");
    }
    for path in ["/login", "/logout", "/refresh", "/cart", "/logout-everywhere"] {
        let reply = world.client_with(&credential).post(path).body("x").await;
        assert!(reply.is_unavailable(), "{path}: {reply:?}");
    }

    world.store.clear_faults();
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn sec_76_no_request_is_anonymous_while_the_store_hangs(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.reset_calls();
    world.store.set(Op::Load, Fault::Hangs);
    let ask = |path: &str| tokio::spawn(world.client_with(&credential).get(path).into_future());
    let (given_up, waited_for) = (ask("/maybe"), ask("/maybe"));
    world.store.reached(Op::Load, 2).await;
    assert!(!given_up.is_finished() && !waited_for.is_finished(), "both requests still wait");
    given_up.abort();

    world.store.set(Op::Load, Fault::Fails);
    assert!(waited_for.await.unwrap().is_unavailable());

    world.store.set(Op::Load, Fault::Hangs);
    let patient = ask("/maybe");
    world.store.reached(Op::Load, 3).await;
    world.store.clear_faults();
    assert_eq!(patient.await.unwrap().text(), "alice");
}

async fn sec_76_a_failed_sign_in_issues_no_credential(world: World) {
    let client = world.client();
    world.store.set(Op::Create, Fault::Fails);
    assert!(client.login("alice").await.is_unavailable());
    assert_eq!(client.credential(), None);
    assert_eq!(world.sign_in_count().await, 0);

    world.store.clear_faults();
    let old = client.signed_in("alice").await;
    world.store.set(Op::Rotate, Fault::Fails);
    for path in ["/login", "/refresh"] {
        let login = Login::from("alice").via(world.transport());
        let call = client.post(path);
        let reply = if path == "/login" { call.json(&login).await } else { call.await };
        assert!(reply.is_unavailable(), "{path}: {reply:?}");
    }
    assert_eq!(client.credential(), Some(old.clone()));
    assert_eq!(world.status_of(&old).await, 200, "the old credential is still valid");
}

async fn sec_76_a_failed_sign_out_is_reported(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    world.store.set(Op::Delete, Fault::Fails);
    world.store.set(Op::Revoke, Fault::Fails);
    for path in ["/logout", "/logout-others", "/logout-everywhere"] {
        assert!(client.post(path).await.is_unavailable(), "{path}");
    }
    assert_eq!(client.credential(), Some(credential), "the client can try again");
    world.store.clear_faults();
    assert_eq!(client.post("/logout").await.status, 204);
}

async fn sec_79_data_that_cannot_be_loaded_is_not_overwritten(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    world.store.reset_calls();
    world.store.set(Op::Load, Fault::Fails);

    for path in ["/cart", "/login-and-add", "/login", "/refresh", "/logout"] {
        let login = Login::from("mallory").via(world.transport());
        assert!(client.post(path).json(&login).await.is_unavailable(), "{path}");
    }

    assert_eq!(world.store.writes(), 0);
    world.store.clear_faults();
    assert_eq!(client.credential(), Some(credential));
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_79_data_that_cannot_be_saved_is_not_acknowledged(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    world.store.set(Op::Update, Fault::Fails);

    let reply = client.post("/cart").body("pear").await;

    assert!(reply.is_unavailable(), "{reply:?}");
    assert!(reply.body.is_empty(), "the handler's answer is withheld");
    world.store.clear_faults();
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(world.status_of(&credential).await, 200, "an existing sign-in is not rolled back");
}

async fn sec_76_a_sign_in_whose_data_cannot_be_saved_is_rolled_back(world: World) {
    let client = world.client();
    client.signed_in("alice").await; // /login-and-add needs a user if there are no anonymous sessions
    world.store.set(Op::Update, Fault::Fails);

    let login = Login::from("bob").via(world.transport());
    let reply = client.post("/login-and-add").json(&login).await;

    assert!(reply.is_unavailable(), "{reply:?}");
    assert!(reply.body.is_empty(), "no token is released");
    assert_eq!(world.sign_in_count().await, 0);
}

async fn a_failed_touch_does_not_fail_the_request(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.set(Op::Touch, Fault::Fails);
    world.advance(std::time::Duration::from_secs(600));
    assert_eq!(world.status_of(&credential).await, 200);
    world.store.set(Op::Touch, Fault::Hangs);
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn sec_75_a_failure_reveals_nothing_about_the_store(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    world.store.set_all(Fault::Fails);
    let calls = [client.get("/me"), client.get("/devices"), client.post("/logout")];
    let no_visitors =
        [world.client().post("/login").json(&Login::from("bob").via(world.transport()))];
    for call in calls.into_iter().chain(no_visitors) {
        let shown = format!("{:?}", call.await);
        let words = ["db-7", "5432", "Store", "connection"];
        for word in credential.secrets().into_iter().chain(words) {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
    }
}

async fn sec_76_a_visitor_whose_cart_cannot_be_moved_is_not_signed_in(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    let visitor = client.credential();
    world.store.set(Op::DeleteIfVersion, Fault::Fails);

    let reply = client.login("alice").await;

    assert!(reply.is_unavailable(), "{reply:?}");
    assert_eq!(client.credential(), visitor);
    assert_eq!(world.sign_in_count().await, 1, "the new sign-in was rolled back");
    world.store.clear_faults();
    client.signed_in("alice").await;
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_76_a_visitor_whose_cart_cannot_be_saved_gets_no_cookie(world: World) {
    let client = world.client();
    world.store.set(Op::Create, Fault::Fails);
    assert!(client.post("/cart").body("apple").await.is_unavailable());
    assert_eq!(client.cookies("/"), "");
    assert_eq!(world.sign_in_count().await, 0);
}

async fn a_client_without_a_cookie_does_not_notice_an_outage(world: World) {
    world.store.set_all(Fault::Fails);
    assert_eq!(world.client().get("/").await.status, 200);
    assert_eq!(world.client().get("/maybe").await.text(), "anonymous");
    assert_eq!(world.client().get("/me").await.status, 401);
}
