//! Sign-ins that are pending, and prove no identity, until a second factor is verified.

use std::future::IntoFuture;
use std::time::Duration;

use auth_store::{OverflowPolicy, Store, encode};

use crate::app::{Confirmation, DeviceEntry, Login, Me, User};
use crate::harness::{
    Client, Credential, DAY, Fault, HOUR, MINUTE, Op, Policy, Reply, World, send_concurrently,
};

suite!(every:
    sec_72_a_pending_sign_in_identifies_no_user,
    the_second_factor_finishes_the_sign_in,
    sec_04_finishing_replaces_the_credential,
    sec_22_a_pending_sign_in_cannot_be_finished_in_another_way,
    a_pending_sign_in_ends_after_ten_minutes,
    sec_15_a_pending_sign_in_ends_with_those_of_its_user,
    a_pending_sign_in_can_be_abandoned,
    sec_88_new_roles_leave_a_pending_sign_in_pending,
    a_pending_sign_in_is_in_no_list_of_devices,
    sec_21_a_pending_sign_in_neither_ends_nor_blocks_another,
    sec_21_the_limit_applies_when_a_sign_in_is_finished,
    sec_21_a_user_has_at_most_ten_pending_sign_ins,
    one_pending_sign_in_is_finished_once,
    sec_21_finishing_twice_does_not_evict_the_first,
    sec_77_a_revocation_ends_a_sign_in_that_is_being_finished,
    sec_88_new_roles_reach_a_sign_in_that_is_being_finished,
    only_a_pending_sign_in_can_be_finished,
    signing_in_again_replaces_a_pending_sign_in,
);

suite!(visitors: the_cart_of_a_visitor_moves_through_a_pending_sign_in);

suite!(pair:
    sec_81_a_refresh_token_is_no_credential_of_a_pending_sign_in,
    the_refresh_token_is_delivered_when_the_sign_in_is_finished,
);

const PAGES: [&str; 9] =
    ["/me", "/devices", "/admin", "/payments", "/reports", "/strong", "/step-up", "/otp", "/ours"];

/// Signs in with the first of two factors.
async fn half_signed_in(client: &Client, login: impl Into<Login>) -> Credential {
    client.signed_in(login.into().pending()).await
}

async fn second_factor(client: &Client) -> Reply {
    client.post("/second-factor").json(&Confirmation::by(&["otp"]).acr("aal2")).await
}

async fn sec_72_a_pending_sign_in_identifies_no_user(world: World) {
    let client = world.client();
    let login = Login::from("alice").role("admin").scope("reports").acr("aal2");
    let credential = half_signed_in(&client, login).await;
    let node = world.with(|_| {}).await;
    let strict = world.with(|setup| setup.policy = Policy::Required).await;
    for client in [client, node.client_with(&credential)] {
        for path in PAGES {
            assert_eq!(client.get(path).await.status, 401, "{path}");
        }
        for path in ["/maybe", "/who"] {
            assert_eq!(client.get(path).await.text(), "anonymous", "{path}");
        }
        assert_eq!(client.get("/revalidated").await.status, 401);
        assert_eq!(client.get("/ended").await.text(), "not signed in");
        for path in ["/logout-others", "/logout-everywhere", "/refresh"] {
            assert_eq!(client.post(path).await.status, 401, "{path}");
        }
        assert_eq!(client.get("/second-factor").await.text(), "alice");
    }
    assert_eq!(strict.client_with(&credential).get("/").await.status, 401);
    assert_eq!(world.client().get("/second-factor").await.text(), "nobody");
    let forger = world.client_with(&credential.forged());
    let reply = forger.get("/second-factor").await;
    assert!(reply.status == 401 || reply.text() == "nobody", "{reply:?}");
}

async fn the_second_factor_finishes_the_sign_in(world: World) {
    let client = world.client();
    let login = Login::from("alice").role("admin").label("phone").lifetime(Some(HOUR), 2 * HOUR);
    half_signed_in(&client, login).await;
    world.advance(5 * MINUTE);

    let reply = second_factor(&client).await;

    assert!(reply.status.is_success(), "{reply:?}");
    let me: Me = client.get("/me").await.json();
    assert_eq!((me.subject.as_str(), me.roles), ("alice", vec!["admin".to_owned()]));
    assert_eq!((me.acr.as_deref(), me.amr), (Some("aal2"), vec!["pwd".into(), "otp".into()]));
    assert_eq!(me.authenticated_at, Some(world.clock.now().as_secs()));
    assert_eq!(me.expires_at, (world.clock.now() + 2 * HOUR).as_secs());
    for path in ["/admin", "/payments", "/strong", "/otp"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    let [device] = &client.get("/devices").await.json::<Vec<DeviceEntry>>()[..] else { panic!() };
    assert_eq!((device.label.as_deref(), device.current), (Some("phone"), true));
    assert_eq!(client.get("/second-factor").await.text(), "nobody");
    assert_eq!(world.sign_in_count().await, 1);
}

async fn sec_04_finishing_replaces_the_credential(world: World) {
    let client = world.client();
    let pending = half_signed_in(&client, "alice").await;
    assert!(second_factor(&client).await.status.is_success());
    let thief = world.client_with(&pending);
    assert_eq!(thief.get("/me").await.status, 401);
    assert_eq!(second_factor(&thief).await.status, 401);
    assert_eq!(client.get("/me").await.status, 200);
}

/// A page for a step-up asks for the password alone.
async fn sec_22_a_pending_sign_in_cannot_be_finished_in_another_way(world: World) {
    let client = world.client();
    half_signed_in(&client, "alice").await;
    let confirmation = Confirmation::by(&["pwd"]);
    assert_eq!(client.post("/reauthenticate").json(&confirmation).await.status, 401);
    assert_eq!(client.post("/refresh").await.status, 401);
    assert_eq!(client.get("/me").await.status, 401);
    assert_eq!(client.get("/second-factor").await.text(), "alice");
}

async fn a_pending_sign_in_ends_after_ten_minutes(world: World) {
    let (soon, late) = (world.client(), world.client());
    for client in [&soon, &late] {
        half_signed_in(client, Login::from("alice").lifetime(None, 30 * DAY)).await;
    }
    world.advance(10 * MINUTE - Duration::from_secs(1));
    assert!(second_factor(&soon).await.status.is_success());
    world.advance(Duration::from_secs(1));
    assert_eq!(second_factor(&late).await.status, 401);
    world.advance(29 * DAY);
    assert!(soon.post("/refresh").await.status.is_success(), "it has its own lifetime now");
    assert_eq!(soon.get("/me").await.status, 200);
}

async fn sec_15_a_pending_sign_in_ends_with_those_of_its_user(world: World) {
    let (pending, elsewhere) = (world.client(), world.client());
    half_signed_in(&pending, "alice").await;
    elsewhere.signed_in("alice").await;
    assert_eq!(elsewhere.post("/logout-others").await.text(), "1");
    assert_eq!(second_factor(&pending).await.status, 401);
    assert_eq!(world.sign_in_count().await, 1);
}

async fn a_pending_sign_in_can_be_abandoned(world: World) {
    let client = world.client();
    let credential = half_signed_in(&client, "alice").await;
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(second_factor(&world.client_with(&credential)).await.status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_88_new_roles_leave_a_pending_sign_in_pending(world: World) {
    let client = world.client();
    half_signed_in(&client, Login::from("alice").role("admin")).await;
    let none = encode(&[], &User { name: "ALICE".into() }).unwrap();
    assert_eq!(world.store.update_subject("alice", &none).await.unwrap(), 1);
    assert_eq!(client.get("/me").await.status, 401);
    assert!(second_factor(&client).await.status.is_success());
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(client.get("/admin").await.status, 403);
}

async fn a_pending_sign_in_is_in_no_list_of_devices(world: World) {
    let (client, other) = (world.client(), world.client());
    client.signed_in("alice").await;
    half_signed_in(&other, "alice").await;
    assert_eq!(client.get("/devices").await.json::<Vec<DeviceEntry>>().len(), 1);
    assert!(second_factor(&other).await.status.is_success());
    assert_eq!(client.get("/devices").await.json::<Vec<DeviceEntry>>().len(), 2);
}

/// An attacker knows the password, and not the second factor.
async fn sec_21_a_pending_sign_in_neither_ends_nor_blocks_another(world: World) {
    for (name, policy) in [("alice", OverflowPolicy::EvictOldest), ("bob", OverflowPolicy::Reject)]
    {
        let world = world.with_limit(2, policy).await;
        let (attacker, clients) = (world.client(), [(); 2].map(|()| world.client()));
        half_signed_in(&attacker, name).await;
        for client in &clients {
            client.signed_in(name).await;
            for _ in 0..3 {
                half_signed_in(&world.client(), name).await;
            }
        }
        for client in &clients {
            assert_eq!(client.get("/me").await.status, 200, "{policy:?}");
        }
        assert_eq!(attacker.get("/second-factor").await.text(), name, "nor the other way round");
    }
}

async fn sec_21_the_limit_applies_when_a_sign_in_is_finished(world: World) {
    for (name, policy) in [("alice", OverflowPolicy::EvictOldest), ("bob", OverflowPolicy::Reject)]
    {
        let world = world.with_limit(1, policy).await;
        let (first, second) = (world.client(), world.client());
        half_signed_in(&second, name).await;
        first.signed_in(name).await;
        let finished = second_factor(&second).await.status;
        let (expected, statuses) = match policy {
            OverflowPolicy::EvictOldest => (true, [401, 200]),
            OverflowPolicy::Reject => (false, [200, 401]),
        };
        assert_eq!(finished.is_success(), expected, "{finished}");
        for (client, status) in [&first, &second].into_iter().zip(statuses) {
            assert_eq!(client.get("/me").await.status, status, "{policy:?}");
        }
        if policy == OverflowPolicy::Reject {
            assert_eq!(finished, 403);
            first.post("/logout").await;
            assert!(second_factor(&second).await.status.is_success(), "it is still pending");
        }
    }
}

async fn sec_21_a_user_has_at_most_ten_pending_sign_ins(world: World) {
    let clients: Vec<_> = (0..12).map(|_| world.client()).collect();
    for client in &clients {
        half_signed_in(client, "alice").await;
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(world.store.list("alice").await.unwrap().len(), 10);
    for (number, client) in clients.iter().enumerate() {
        let finished = second_factor(client).await.status.is_success();
        assert_eq!(finished, number >= 2, "the oldest have ended");
    }
}

async fn one_pending_sign_in_is_finished_once(world: World) {
    let credential = half_signed_in(&world.client(), "alice").await;
    let clients: Vec<_> = (0..4).map(|_| world.client_with(&credential)).collect();
    let confirmation = Confirmation::by(&["otp"]);
    let calls = clients.iter().map(|client| client.post("/second-factor").json(&confirmation));
    let replies = send_concurrently(calls).await;
    let finished = replies.iter().filter(|reply| reply.status.is_success()).count();
    assert_eq!(finished, 1, "{replies:?}");
    assert_eq!(world.sign_in_count().await, 1);
}

/// A form that is sent twice is finished once, even if the user may have one sign-in only.
async fn sec_21_finishing_twice_does_not_evict_the_first(world: World) {
    let world = world.with_limit(1, OverflowPolicy::EvictOldest).await;
    let credential = half_signed_in(&world.client(), "alice").await;
    let clients: Vec<_> = (0..4).map(|_| world.client_with(&credential)).collect();
    let confirmation = Confirmation::by(&["otp"]);
    let calls = clients.iter().map(|client| client.post("/second-factor").json(&confirmation));
    let replies = send_concurrently(calls).await;
    let finished = replies.iter().position(|reply| reply.status.is_success());
    let client = &clients[finished.expect("one of them is finished")];
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(world.sign_in_count().await, 1);
}

/// Sends the second factor, and does `meanwhile` before its sign-in is stored.
async fn interrupted(world: &World, client: &Client, meanwhile: impl AsyncFn()) -> Reply {
    world.store.reset_calls();
    world.store.set(Op::Create, Fault::Hangs);
    let call = client.post("/second-factor").json(&Confirmation::by(&["otp"]));
    let held = tokio::spawn(call.into_future());
    world.store.reached(Op::Create, 1).await;
    meanwhile().await;
    world.store.clear_faults();
    held.await.unwrap()
}

async fn sec_77_a_revocation_ends_a_sign_in_that_is_being_finished(world: World) {
    let client = world.client();
    half_signed_in(&client, "alice").await;
    let store = &world.store;
    let revoke = async || assert_eq!(store.revoke_subject("alice").await.unwrap(), 1);
    let late = interrupted(&world, &client, revoke).await;
    assert_eq!((late.status.as_u16(), late.set_cookies().len()), (401, 0), "{late:?}");
    assert_eq!(world.store.list("alice").await.unwrap().len(), 0);
}

async fn sec_88_new_roles_reach_a_sign_in_that_is_being_finished(world: World) {
    let client = world.client();
    half_signed_in(&client, Login::from("alice").role("admin")).await;
    let none = encode(&[], &User { name: "ALICE".into() }).unwrap();
    let store = &world.store;
    let change = async || assert_eq!(store.update_subject("alice", &none).await.unwrap(), 1);
    assert_eq!(interrupted(&world, &client, change).await.status, 503);
    assert!(second_factor(&client).await.status.is_success(), "it is still pending");
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(client.get("/admin").await.status, 403);
}

async fn only_a_pending_sign_in_can_be_finished(world: World) {
    assert_eq!(second_factor(&world.client()).await.status, 401);
    let (client, credential) = world.sign_in("alice").await;
    assert_eq!(client.get("/second-factor").await.text(), "nobody");
    assert_eq!(second_factor(&client).await.status, 401);
    assert_eq!(world.status_of(&credential).await, 200);
    assert_eq!(client.get("/otp").await.status, 401);
}

async fn signing_in_again_replaces_a_pending_sign_in(world: World) {
    let client = world.client();
    let pending = half_signed_in(&client, "alice").await;
    client.signed_in("alice").await; // by a passkey
    assert_eq!(client.get("/me").await.status, 200);
    half_signed_in(&client, "alice").await;
    assert_eq!(client.get("/me").await.status, 401);
    half_signed_in(&client, "bob").await;
    assert_eq!(client.get("/second-factor").await.text(), "bob");
    assert_eq!(world.sign_in_count().await, 1);
    assert_eq!(second_factor(&world.client_with(&pending)).await.status, 401);
}

async fn the_cart_of_a_visitor_moves_through_a_pending_sign_in(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    half_signed_in(&client, "alice").await;
    assert!(second_factor(&client).await.status.is_success());
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

/// Neither by another prefix nor by the pending credential as a refresh token.
async fn sec_81_a_refresh_token_is_no_credential_of_a_pending_sign_in(world: World) {
    let signed_in = world.client().signed_in("alice").await;
    let disguised = Credential::Token(format!("pen_{}", signed_in.secret()));
    let thief = world.client_with(&disguised);
    for path in ["/me", "/devices", "/maybe"] {
        assert_eq!(thief.get(path).await.status, 401, "{path}");
    }
    let reply = second_factor(&thief).await;
    assert_eq!(reply.status, 401, "{reply:?}");
    let pending = half_signed_in(&world.client(), "bob").await;
    let refresh = crate::app::Refresh::token(&format!("ref_{}", pending.secret()));
    assert_eq!(world.client().post("/refresh").json(&refresh).await.status, 401);
    let access = Credential::Token(pending.text().replace("pen_", "ref_"));
    assert_eq!(world.client_with(&access).get("/second-factor").await.text(), "nobody");
}

async fn the_refresh_token_is_delivered_when_the_sign_in_is_finished(world: World) {
    let client = world.client();
    let login = Login::from("alice").pending().via(world.transport());
    let reply = client.post("/login").json(&login).await;
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
    let tokens: serde_json::Value = reply.json();
    assert!(tokens["access_token"].as_str().unwrap().starts_with("pen_"), "{tokens}");
    assert_eq!(tokens.get("refresh_token"), None);
    let reply = second_factor(&client).await;
    assert_eq!(reply.set_cookies().len(), 1, "{reply:?}");
    assert!(client.post("/refresh").await.status.is_success());
    assert_eq!(client.get("/otp").await.status, 200);
}
