//! A store that does not answer.

use std::future::IntoFuture;

use crate::app::Login;
use crate::harness::{Fault, Op, World};

suite!(every:
    sec_76_while_the_store_is_down_nobody_is_anonymous,
    sec_76_while_the_store_hangs_nobody_is_anonymous,
    sec_76_a_sign_in_that_fails_gives_no_credential,
    sec_76_a_sign_out_that_fails_says_so,
    sec_79_what_cannot_be_loaded_is_not_overwritten,
    sec_79_what_cannot_be_saved_is_not_acknowledged,
    sec_76_a_sign_in_whose_data_cannot_be_saved_is_taken_back,
    a_use_that_cannot_be_noted_harms_nobody,
    a_refresh_whose_use_cannot_be_noted_keeps_the_user,
    sec_75_a_failure_says_nothing_of_the_store,
);

suite!(visitors:
    sec_76_a_visitor_whose_cart_cannot_be_moved_is_not_signed_in,
    sec_76_a_visitor_whose_cart_cannot_be_saved_gets_no_cookie,
    a_visitor_without_a_cookie_does_not_notice,
);

/// The old secret is dead by then: the new one has to be given out.
async fn a_refresh_whose_use_cannot_be_noted_keeps_the_user(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    world.store.set(Op::Touch, Fault::Fails);
    assert!(client.post("/refresh").await.status.is_success());
    assert_eq!(client.get("/me").await.status, 200);
}

async fn sec_76_while_the_store_is_down_nobody_is_anonymous(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.set_all(Fault::Fails);

    for path in ["/", "/me", "/maybe", "/who", "/cart", "/devices", "/admin", "/step-up"] {
        let reply = world.holder(&credential).get(path).await;
        assert!(reply.is_unavailable(), "{path}: {reply:?}");
    }
    for path in ["/login", "/logout", "/refresh", "/cart", "/logout-everywhere"] {
        let reply = world.holder(&credential).post(path).body("x").await;
        assert!(reply.is_unavailable(), "{path}: {reply:?}");
    }

    world.store.heal();
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn sec_76_while_the_store_hangs_nobody_is_anonymous(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.forget_calls();
    world.store.set(Op::Load, Fault::Hangs);
    let ask = |path: &str| tokio::spawn(world.holder(&credential).get(path).into_future());
    let (given_up, waited_for) = (ask("/maybe"), ask("/maybe"));
    world.store.reached(Op::Load, 2).await;
    assert!(!given_up.is_finished() && !waited_for.is_finished(), "nothing was answered yet");
    given_up.abort();

    world.store.set(Op::Load, Fault::Fails);
    assert!(waited_for.await.unwrap().is_unavailable());

    world.store.set(Op::Load, Fault::Hangs);
    let patient = ask("/maybe");
    world.store.reached(Op::Load, 3).await;
    world.store.heal();
    assert_eq!(patient.await.unwrap().text(), "alice");
}

async fn sec_76_a_sign_in_that_fails_gives_no_credential(world: World) {
    let client = world.client();
    world.store.set(Op::Create, Fault::Fails);
    assert!(client.login("alice").await.is_unavailable());
    assert_eq!(client.credential(), None);
    assert_eq!(world.kept().await, 0);

    world.store.heal();
    let old = client.signed_in("alice").await;
    world.store.set(Op::Rotate, Fault::Fails);
    for path in ["/login", "/refresh"] {
        let login = Login::from("alice").via(world.transport());
        let call = client.post(path);
        let reply = if path == "/login" { call.json(&login).await } else { call.await };
        assert!(reply.is_unavailable(), "{path}: {reply:?}");
    }
    assert_eq!(client.credential(), Some(old.clone()));
    assert_eq!(world.status_of(&old).await, 200, "as it was before");
}

async fn sec_76_a_sign_out_that_fails_says_so(world: World) {
    let client = world.client();
    let credential = client.signed_in("alice").await;
    world.store.set(Op::Delete, Fault::Fails);
    world.store.set(Op::Revoke, Fault::Fails);
    for path in ["/logout", "/logout-others", "/logout-everywhere"] {
        assert!(client.post(path).await.is_unavailable(), "{path}");
    }
    assert_eq!(client.credential(), Some(credential), "to try again with");
    world.store.heal();
    assert_eq!(client.post("/logout").await.status, 204);
}

async fn sec_79_what_cannot_be_loaded_is_not_overwritten(world: World) {
    let client = world.client();
    let credential = client.signed_in("alice").await;
    client.post("/cart").body("apple").await;
    world.store.forget_calls();
    world.store.set(Op::Load, Fault::Fails);

    for path in ["/cart", "/login-and-add", "/login", "/refresh", "/logout"] {
        let login = Login::from("mallory").via(world.transport());
        assert!(client.post(path).json(&login).await.is_unavailable(), "{path}");
    }

    assert_eq!(world.store.writes(), 0);
    world.store.heal();
    assert_eq!(client.credential(), Some(credential));
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_79_what_cannot_be_saved_is_not_acknowledged(world: World) {
    let client = world.client();
    let credential = client.signed_in("alice").await;
    client.post("/cart").body("apple").await;
    world.store.set(Op::Update, Fault::Fails);

    let reply = client.post("/cart").body("pear").await;

    assert!(reply.is_unavailable(), "{reply:?}");
    assert!(reply.body.is_empty(), "the handler's answer is withheld");
    world.store.heal();
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(world.status_of(&credential).await, 200, "an old sign-in is not taken back");
}

async fn sec_76_a_sign_in_whose_data_cannot_be_saved_is_taken_back(world: World) {
    let client = world.client();
    client.signed_in("alice").await; // where there are no visitors, /login-and-add needs a user
    world.store.set(Op::Update, Fault::Fails);

    let login = Login::from("bob").via(world.transport());
    let reply = client.post("/login-and-add").json(&login).await;

    assert!(reply.is_unavailable(), "{reply:?}");
    assert!(reply.body.is_empty(), "no token is released");
    assert_eq!(world.kept().await, 0);
}

async fn a_use_that_cannot_be_noted_harms_nobody(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.set(Op::Touch, Fault::Fails);
    world.wait(std::time::Duration::from_secs(600));
    assert_eq!(world.status_of(&credential).await, 200);
    world.store.set(Op::Touch, Fault::Hangs);
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn sec_75_a_failure_says_nothing_of_the_store(world: World) {
    let client = world.client();
    let credential = client.signed_in("alice").await;
    world.store.set_all(Fault::Fails);
    let calls = [client.get("/me"), client.get("/devices"), client.post("/logout")];
    let strangers =
        [world.client().post("/login").json(&Login::from("bob").via(world.transport()))];
    for call in calls.into_iter().chain(strangers) {
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
    world.store.set(Op::DeleteIf, Fault::Fails);

    let reply = client.login("alice").await;

    assert!(reply.is_unavailable(), "{reply:?}");
    assert_eq!(client.credential(), visitor);
    assert_eq!(world.kept().await, 1, "the new sign-in was taken back");
    world.store.heal();
    client.signed_in("alice").await;
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_76_a_visitor_whose_cart_cannot_be_saved_gets_no_cookie(world: World) {
    let client = world.client();
    world.store.set(Op::Create, Fault::Fails);
    assert!(client.post("/cart").body("apple").await.is_unavailable());
    assert_eq!(client.cookies("/"), "");
    assert_eq!(world.kept().await, 0);
}

async fn a_visitor_without_a_cookie_does_not_notice(world: World) {
    world.store.set_all(Fault::Fails);
    assert_eq!(world.client().get("/").await.status, 200);
    assert_eq!(world.client().get("/maybe").await.text(), "nobody");
    assert_eq!(world.client().get("/me").await.status, 401);
}
