//! `Auth::reauthenticate`: a step-up changes how and when the user was authenticated, and nothing else.

use auth_core::{Timestamp, Transport};
use auth_store::{Store, encode};
use http::header;

use crate::app::{Confirmation, DeviceEntry, Login, Me, User};
use crate::harness::{Client, DAY, Fault, HOUR, MINUTE, Op, Reply, World};
use crate::races::{held_at, sign_out_undoes};

suite!(every:
    a_step_up_replaces_how_the_user_was_authenticated,
    a_step_up_keeps_everything_else,
    sec_05_a_step_up_replaces_the_credential,
    sec_12_a_step_up_starts_the_lifetime_of_the_sign_in_anew,
    sec_59_a_role_that_changes_during_a_step_up_is_not_undone,
    sec_77_a_step_up_does_not_undo_a_sign_out,
    a_step_up_needs_a_sign_in,
    a_step_up_without_its_answer_leaves_a_working_credential,
    sec_18_a_method_of_authentication_can_be_required,
    a_time_of_authentication_in_the_past_counts_and_one_in_the_future_does_not,
    sec_12_an_authentication_in_the_past_restarts_the_idle_timeout,
);

suite!(cookie:
    a_step_up_keeps_a_persistent_cookie,
    sec_38_another_site_cannot_step_up,
);

suite!(pair: a_step_up_delivers_the_refresh_token_as_before);

async fn step_up(client: &Client, confirmation: &Confirmation) -> Reply {
    client.post("/reauthenticate").json(confirmation).await
}

async fn stepped_up(client: &Client, confirmation: &Confirmation) {
    let reply = step_up(client, confirmation).await;
    assert!(reply.status.is_success(), "{reply:?}");
}

async fn me(client: &Client) -> Me {
    client.get("/me").await.json()
}

async fn a_step_up_replaces_how_the_user_was_authenticated(world: World) {
    let (client, _) = world.sign_in(Login::from("alice").acr("aal1")).await;
    let before = me(&client).await;
    world.advance(10 * MINUTE);
    for path in ["/step-up", "/strong", "/otp"] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
    }

    stepped_up(&client, &Confirmation::by(&["pwd", "otp"]).acr("aal2")).await;

    for path in ["/step-up", "/strong", "/otp"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    let after = me(&client).await;
    assert_eq!(after.authenticated_at, Some(world.clock.now().as_secs()));
    assert_eq!((after.acr.as_deref(), after.amr), (Some("aal2"), vec!["pwd".into(), "otp".into()]));
    assert_eq!(after.sign_in, before.sign_in);

    stepped_up(&client, &Confirmation::by(&["pwd"])).await;
    let weaker = me(&client).await;
    assert_eq!((weaker.acr, weaker.amr), (None, vec!["pwd".to_owned()]), "not confirmed again");
    assert_eq!(world.sign_in_count().await, 1);
}

async fn a_step_up_keeps_everything_else(world: World) {
    let login = Login::from("alice").role("admin").scope("reports").label("phone");
    let (client, _) = world.sign_in(login).await;
    client.post("/cart").body("apple").await;
    let before = me(&client).await;
    let device = client.get("/devices").await.json::<Vec<DeviceEntry>>();

    stepped_up(&client, &Confirmation::by(&["otp"])).await;

    let after = me(&client).await;
    assert_eq!((&after.name, &after.roles), (&before.name, &before.roles));
    for path in ["/admin", "/reports"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(client.get("/devices").await.json::<Vec<DeviceEntry>>(), device);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_05_a_step_up_replaces_the_credential(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let node = world.with(|_| {}).await;

    stepped_up(&client, &Confirmation::by(&["otp"])).await;

    let new = client.credential().unwrap();
    assert_eq!(world.statuses([&old, &new]).await, [401, 200]);
    assert_eq!(node.statuses([&old, &new]).await, [401, 200]);
    let refresh = world.client_with(&old).post("/refresh").await;
    assert!(refresh.status == 401 || refresh.set_cookies().is_empty(), "{refresh:?}");
}

async fn sec_12_a_step_up_starts_the_lifetime_of_the_sign_in_anew(world: World) {
    let short = Login::from("alice").lifetime(Some(HOUR), 2 * HOUR);
    let (client, _) = world.sign_in(short).await;
    world.advance(59 * MINUTE);

    stepped_up(&client, &Confirmation::by(&["pwd"])).await;

    let ends = world.clock.now() + 2 * HOUR;
    assert_eq!(me(&client).await.expires_at, ends.as_secs(), "not the lifetime of the backend");
    world.advance(59 * MINUTE);
    assert_eq!(client.get("/me").await.status, 200);
    world.advance(HOUR);
    assert_eq!(client.get("/me").await.status, 401, "the idle timeout is kept");
}

/// The administrator takes a role away between the reading and the writing of the step-up.
async fn sec_59_a_role_that_changes_during_a_step_up_is_not_undone(world: World) {
    let (client, _) = world.sign_in(Login::from("alice").role("admin")).await;
    let call = client.post("/reauthenticate").json(&Confirmation::by(&["otp"]));
    let held = held_at(&world, Op::Rotate, call).await;

    let none = encode(&[], &User { name: "ALICE".into() }).unwrap();
    assert_eq!(world.store.update_subject("alice", &none).await.unwrap(), 1);
    world.store.clear_faults();

    assert!(held.await.unwrap().status.is_success());
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(client.get("/admin").await.status, 403);
}

async fn sec_77_a_step_up_does_not_undo_a_sign_out(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let elsewhere = world.client();
    elsewhere.signed_in("alice").await;
    let call = client.post("/reauthenticate").json(&Confirmation::by(&["otp"]));
    sign_out_undoes(&world, call, &elsewhere).await;
}

async fn a_step_up_needs_a_sign_in(world: World) {
    let confirmation = Confirmation::by(&["otp"]);
    let refused = step_up(&world.client(), &confirmation).await;
    assert_eq!(refused.status, 401);
    assert!(refused.headers.contains_key(header::WWW_AUTHENTICATE));
    let (client, credential) = world.sign_in("alice").await;
    let forger = world.client_with(&credential.forged());
    assert_eq!(step_up(&forger, &confirmation).await.status, 401);
    client.post("/logout").await;
    assert_eq!(step_up(&world.client_with(&credential), &confirmation).await.status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn a_step_up_without_its_answer_leaves_a_working_credential(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    world.store.set(Op::Rotate, Fault::Fails);
    assert_eq!(step_up(&client, &Confirmation::by(&["otp"])).await.status, 503);
    world.store.clear_faults();
    assert_eq!(world.status_of(&credential).await, 200);
    assert_eq!(client.get("/otp").await.status, 401, "it did not happen");
}

async fn sec_18_a_method_of_authentication_can_be_required(world: World) {
    let (client, _) = world.sign_in("alice").await; // by `pwd`
    let refused = client.get("/otp").await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header(header::WWW_AUTHENTICATE);
    assert!(challenge.contains(r#"error="insufficient_user_authentication""#), "{challenge}");
    assert_eq!(world.client().get("/otp").await.status, 401);
    for (method, status) in [("otp", 200), ("hwk", 200), ("otp2", 401), ("", 401)] {
        stepped_up(&client, &Confirmation::by(&[method])).await;
        assert_eq!(client.get("/otp").await.status, status, "{method}");
    }
}

async fn a_time_of_authentication_in_the_past_counts_and_one_in_the_future_does_not(world: World) {
    let now = world.clock.now();
    for (at, counts) in [
        (Timestamp::from_secs(now.as_secs() - 240), true),
        (Timestamp::from_secs(now.as_secs() - 360), false),
        (now + DAY, true),
    ] {
        let (client, _) = world.sign_in(Login::from("alice").authenticated_at(at)).await;
        let expected = at.min(now).as_secs();
        let status = if counts { 200 } else { 401 };
        assert_eq!(me(&client).await.authenticated_at, Some(expected));
        assert_eq!(client.get("/step-up").await.status, status);
        assert_eq!(me(&client).await.expires_at, (now + DAY).as_secs(), "it starts now");

        let again = Confirmation { at: Some(at.as_secs()), ..Confirmation::by(&["pwd"]) };
        stepped_up(&client, &again).await;
        assert_eq!(me(&client).await.authenticated_at, Some(expected));
        client.signed_in(Login::from("alice").authenticated_at(at)).await; // again
        assert_eq!(me(&client).await.authenticated_at, Some(expected));
    }
}

/// The last use is too recent to be written for another reason.
async fn sec_12_an_authentication_in_the_past_restarts_the_idle_timeout(world: World) {
    let before = Timestamp::from_secs(world.clock.now().as_secs() - 300);
    let login = || Login::from("alice").lifetime(Some(HOUR), DAY).authenticated_at(before);
    let clients = [(); 2].map(|()| world.client());
    for client in &clients {
        client.signed_in(login()).await;
    }
    world.advance(2 * MINUTE);
    let again = Confirmation { at: Some(before.as_secs()), ..Confirmation::by(&["pwd"]) };
    stepped_up(&clients[0], &again).await;
    clients[1].signed_in(login()).await;
    world.advance(59 * MINUTE);
    for client in &clients {
        assert_eq!(client.get("/me").await.status, 200);
    }
}

async fn a_step_up_keeps_a_persistent_cookie(world: World) {
    let client = world.client();
    client.signed_in(Login::from("alice").remember(true).lifetime(None, 30 * DAY)).await;
    world.advance(DAY);
    let reply = step_up(&client, &Confirmation::by(&["otp"])).await;
    let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
    assert!(cookie.contains("Max-Age=2592000"), "{cookie}");
    let browser = world.client();
    browser.signed_in(Login::from("alice").remember(false)).await;
    let reply = step_up(&browser, &Confirmation::by(&["otp"])).await;
    let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
    assert!(!cookie.contains("Max-Age"), "{cookie}");
}

async fn sec_38_another_site_cannot_step_up(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let call = client.post("/reauthenticate").json(&Confirmation::by(&["otp"]));
    assert_eq!(call.header("sec-fetch-site", "cross-site").await.status, 403);
    assert_eq!(world.status_of(&credential).await, 200);
    assert_eq!(client.get("/otp").await.status, 401);
}

async fn a_step_up_delivers_the_refresh_token_as_before(world: World) {
    let (browser, _) = world.sign_in("alice").await;
    let reply = step_up(&browser, &Confirmation::by(&["otp"])).await;
    assert_eq!(reply.set_cookies().len(), 1);
    assert!(!reply.text().contains("refresh_token"), "{reply:?}");
    assert!(browser.post("/refresh").await.status.is_success());
    assert_eq!(browser.get("/otp").await.status, 200, "a refresh keeps it");

    let app = world.client();
    app.signed_in(Login::from("alice").refresh_in_body()).await;
    let reply = step_up(&app, &Confirmation::by(&["otp"])).await;
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
    assert!(reply.text().contains("refresh_token"), "{reply:?}");
    assert_eq!(app.get("/otp").await.status, 200);
    assert_eq!(world.transport(), Transport::Explicit);
}
