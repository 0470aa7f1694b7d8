//! The application's check of its users: a disabled user has no sign-in and gets none.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use auth_store::Store;

use crate::app::{Confirmation, Login};
use crate::harness::{Fault, MINUTE, Op, Reply, Users, World};

suite!(every:
    sec_99_a_disabled_user_cannot_sign_in,
    sec_99_a_user_who_is_disabled_during_a_login_does_not_get_in,
    sec_99_a_user_who_is_disabled_before_the_second_factor_does_not_get_in,
    sec_15_a_disabled_user_cannot_refresh_or_step_up,
    sec_99_a_sign_in_that_was_refused_and_not_deleted_is_not_restored,
    sec_15_a_disabled_user_is_signed_out_within_the_stated_time,
    sec_76_a_check_without_an_answer_lets_no_user_in_and_ends_no_sign_in,
    a_request_checks_no_user_unless_asked_for,
    sec_16_a_changed_password_ends_the_other_sign_ins,
    a_refused_user_does_not_end_the_sign_in_of_another,
);

/// Returns a node that checks its users, at requests only if there is an age.
async fn checking(world: &World, age: Option<Duration>) -> (World, Arc<Users>) {
    let users = Arc::new(Users::default());
    let checked = Some(Arc::clone(&users));
    let world = world.with(|setup| (setup.users, setup.user_check_age) = (checked, age)).await;
    (world, users)
}

async fn sec_99_a_disabled_user_cannot_sign_in(world: World) {
    let (world, users) = checking(&world, None).await;
    users.disable("alice");
    let reply = world.client().login("alice").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (401, 0), "{reply:?}");
    assert!(!reply.text().contains("refuse"), "{reply:?}");
    assert_eq!(world.sign_in_count().await, 0);
    assert!(world.client().login("bob").await.status.is_success());
}

/// The handler has checked the password. The user is disabled and all sign-ins are revoked while the store is
/// about to store the new one, or has stored it and not answered.
async fn sec_99_a_user_who_is_disabled_during_a_login_does_not_get_in(world: World) {
    let (world, users) = checking(&world, None).await;
    for (number, fault) in [Fault::Hangs, Fault::AnswerDelayed].into_iter().enumerate() {
        let name = format!("alice{number}");
        world.store.reset_calls();
        world.store.set(Op::Create, fault);
        let login = Login::from(&*name).via(world.transport());
        let call = world.client().post("/login").json(&login);
        let held = tokio::spawn(call.into_future());
        world.store.reached(Op::Create, 1).await;

        users.disable(&name);
        world.store.revoke_subject(&name).await.unwrap();
        world.store.clear_faults();

        let late: Reply = held.await.unwrap();
        assert_eq!((late.status.as_u16(), late.set_cookies().len()), (401, 0), "{fault:?}");
        assert_eq!(world.store.list(&name).await.unwrap().len(), 0, "{fault:?}");
    }
}

async fn sec_99_a_user_who_is_disabled_before_the_second_factor_does_not_get_in(world: World) {
    let (world, users) = checking(&world, None).await;
    let client = world.client();
    client.signed_in(Login::from("alice").pending()).await;
    users.disable("alice");
    let reply = client.post("/second-factor").json(&Confirmation::by(&["otp"])).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (401, 0), "{reply:?}");
    assert_eq!(world.store.list("alice").await.unwrap().len(), 0);
}

async fn sec_15_a_disabled_user_cannot_refresh_or_step_up(world: World) {
    let (world, users) = checking(&world, None).await;
    let confirmation = Confirmation::by(&["otp"]);
    let (refreshing, stepping) = (world.client(), world.client());
    for client in [&refreshing, &stepping] {
        client.signed_in("alice").await;
    }
    users.disable("alice");
    assert_eq!(refreshing.post("/refresh").await.status, 401);
    assert_eq!(stepping.post("/reauthenticate").json(&confirmation).await.status, 401);
    for client in [&refreshing, &stepping] {
        assert_eq!(client.get("/me").await.status, 401, "the sign-in has ended");
    }
    assert_eq!(world.store.list("alice").await.unwrap().len(), 0);
}

/// The store fails when the refused sign-in is to be deleted. What the request has done is rolled back.
async fn sec_99_a_sign_in_that_was_refused_and_not_deleted_is_not_restored(world: World) {
    let (world, users) = checking(&world, None).await;
    let confirmation = Confirmation::by(&["otp"]);
    for (name, again) in [("alice", "/login"), ("bob", "/reauthenticate")] {
        let (client, old) = world.sign_in(name).await;
        users.disable(name);
        world.store.set(Op::Delete, Fault::Fails);
        let reply = match again {
            "/login" => client.login(name).await,
            _ => client.post(again).json(&confirmation).await,
        };
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (503, 0), "{reply:?}");
        assert_eq!(world.status_of(&old).await, 401, "{again}");
        world.store.clear_faults();
    }
}

async fn sec_15_a_disabled_user_is_signed_out_within_the_stated_time(world: World) {
    let (world, users) = checking(&world, Some(MINUTE)).await;
    let (client, credential) = world.sign_in("alice").await;
    let (bob, _) = world.sign_in("bob").await;
    assert_eq!(users.take_checks(), 2);
    world.advance(MINUTE - Duration::from_secs(1));
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(users.take_checks(), 0, "the check at the sign-in is recent");
    world.advance(Duration::from_secs(1));
    for _ in 0..3 {
        assert_eq!(client.get("/me").await.status, 200);
    }
    assert_eq!(users.take_checks(), 1);

    users.disable("alice");
    world.advance(MINUTE);

    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(bob.get("/me").await.status, 200);
    assert_eq!(world.store.list("alice").await.unwrap().len(), 0, "the sign-in has ended");
}

async fn sec_76_a_check_without_an_answer_lets_no_user_in_and_ends_no_sign_in(world: World) {
    let (world, users) = checking(&world, Some(MINUTE)).await;
    let (client, credential) = world.sign_in("alice").await;
    users.set_down(true);
    let reply = world.client().login("bob").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (503, 0), "{reply:?}");
    assert!(!reply.text().contains("table"), "{reply:?}");
    assert_eq!(client.post("/refresh").await.status, 503);
    world.advance(MINUTE);
    assert_eq!(client.get("/me").await.status, 503, "never 401 and never anonymous");
    assert_eq!(client.get("/maybe").await.status, 503);
    users.set_down(false);
    assert_eq!(world.status_of(&credential).await, 200);
    assert!(client.post("/refresh").await.status.is_success());
}

async fn a_request_checks_no_user_unless_asked_for(world: World) {
    let (once, users) = checking(&world, None).await;
    let (client, _) = once.sign_in("alice").await;
    assert_eq!(users.take_checks(), 1);
    for path in ["/me", "/devices", "/revalidated"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(users.take_checks(), 0);
    client.refreshed().await;
    assert_eq!(users.take_checks(), 1);

    let (every, users) = checking(&world, Some(Duration::ZERO)).await;
    let (client, _) = every.sign_in("alice").await;
    users.take_checks();
    for count in 1..4 {
        assert_eq!(client.get("/me").await.status, 200);
        assert_eq!(users.take_checks(), 1, "request {count}");
    }
}

/// What other frameworks call a session auth hash.
async fn sec_16_a_changed_password_ends_the_other_sign_ins(world: World) {
    let (world, users) = checking(&world, Some(MINUTE)).await;
    users.set_password("alice", "old");
    let (here, elsewhere) = (world.client(), world.client());
    for client in [&here, &elsewhere] {
        client.signed_in(Login::from("alice").auth_hash("old")).await;
    }

    users.set_password("alice", "new");
    let changed = Confirmation { auth_hash: Some("new".into()), ..Confirmation::by(&["pwd"]) };
    assert!(here.post("/reauthenticate").json(&changed).await.status.is_success());

    world.advance(MINUTE);
    assert_eq!(elsewhere.get("/me").await.status, 401);
    assert_eq!(here.get("/me").await.status, 200);
    assert!(here.post("/refresh").await.status.is_success());
    let again = here.post("/reauthenticate").json(&Confirmation::by(&["otp"])).await;
    assert!(again.status.is_success(), "a step-up keeps it");
    assert_eq!(world.client().login(Login::from("alice").auth_hash("old")).await.status, 401);
    assert_eq!(world.store.list("alice").await.unwrap().len(), 1);
}

async fn a_refused_user_does_not_end_the_sign_in_of_another(world: World) {
    let (world, users) = checking(&world, None).await;
    users.disable("alice");
    let (client, credential) = world.sign_in("bob").await;
    assert_eq!(client.login("alice").await.status, 401);
    assert_eq!(world.status_of(&credential).await, 200);
    assert_eq!(client.get("/maybe").await.text(), "bob");
}
