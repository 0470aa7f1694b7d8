//! A user who acts for another: what that allows, what it does not, and what ends it.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Auth, AuthErrorKind, Principal, ProviderSession, Timestamp};
use auth_store::{OverflowPolicy, Store, encode};
use http::Response;
use http::request::Parts;

use crate::app::{Confirmation, DeviceEntry, Login, Me, User};
use crate::harness::{
    Client, Credential, DAY, EventCapture, Fault, HOUR, MINUTE, Op, REFRESH, Reply, Users, World,
    claims, send_concurrently,
};

suite!(every:
    sec_100_a_user_acts_as_another_and_is_named,
    sec_100_acting_raises_nothing,
    sec_100_the_actor_returns_to_the_same_sign_in,
    sec_100_acting_ends_with_the_sign_in_of_the_actor,
    sec_100_acting_ends_with_the_sign_ins_of_the_user,
    sec_100_nobody_acts_while_acting,
    sec_100_acting_for_another_needs_a_sign_in,
    sec_100_a_stolen_credential_leads_nowhere_after_the_actor_has_signed_out,
    sec_21_acting_neither_ends_nor_blocks_a_sign_in_of_the_user,
    sec_102_few_users_act_for_one_at_a_time,
    sec_59_88_new_roles_reach_who_acts_for_the_user,
    signing_out_while_acting_ends_both_sign_ins,
    signing_in_while_acting_ends_both_sign_ins,
    sec_100_who_acts_for_a_user_cannot_sign_in_as_the_user,
    ending_the_other_sign_ins_of_the_user_spares_the_actor,
    ending_all_sign_ins_of_the_user_ends_both,
    a_refresh_while_acting_goes_on_acting,
    acting_is_a_use_of_the_sign_in_of_the_actor,
    acting_ends_when_the_sign_in_of_the_actor_expires,
    sec_99_both_users_are_checked,
    sec_99_a_user_who_is_disabled_meanwhile_is_not_acted_for,
    sec_100_an_actor_whose_sign_in_ends_meanwhile_does_not_act,
    sec_100_acting_and_a_sign_out_at_the_same_time,
    sec_100_returning_twice_at_the_same_time_happens_once,
    sec_92_returning_can_be_repeated_after_a_failure,
    a_stream_ends_with_the_sign_in_of_the_actor,
    options_that_do_not_apply_are_mistakes_of_the_application,
);

suite!(every on one_thread: sec_73_acting_is_logged_with_both_users);

suite!(visitors: the_data_of_the_actor_and_of_the_user_stay_apart);

suite!(pair:
    sec_100_tokens_name_the_actor,
    the_refresh_token_is_delivered_like_that_of_the_actor,
);

/// Returns a client of `root`, an administrator, and its credential.
async fn root(world: &World) -> (Client, Credential) {
    world.sign_in(Login::from("root").role("admin").acr("aal3")).await
}

async fn act_as(client: &Client, login: impl Into<Login>) -> Reply {
    client.post("/act-as").json(&login.into()).await
}

/// Lets a client act for a user. Returns the credential by which it does.
async fn acting(client: &Client, login: impl Into<Login>) -> Credential {
    let reply = act_as(client, login).await;
    assert!(reply.status.is_success(), "{reply:?}");
    client.credential().unwrap()
}

async fn me(client: &Client) -> Me {
    client.get("/me").await.json()
}

async fn devices(client: &Client) -> Vec<DeviceEntry> {
    client.get("/devices").await.json()
}

async fn sec_100_a_user_acts_as_another_and_is_named(world: World) {
    let (client, own) = root(&world).await;
    assert_eq!(client.get("/consent").await.status, 200);
    acting(&client, Login::from("alice").role("buyer")).await;
    let Me { subject, local_subject, name, roles, actor, .. } = me(&client).await;
    assert_eq!((subject.as_str(), local_subject.as_deref()), ("alice", Some("alice")));
    assert_eq!((name.as_str(), roles), ("ALICE", vec!["buyer".to_owned()]));
    assert_eq!(actor.as_deref(), Some("root"));
    assert_eq!(client.get("/admin").await.status, 403, "the role is the actor's");
    assert_eq!(client.get("/consent").await.status, 403);
    let node = world.with(|_| {}).await;
    let elsewhere = node.client_with(&client.credential().unwrap());
    assert_eq!(me(&elsewhere).await.actor.as_deref(), Some("root"));
    assert_eq!(world.client_with(&own).get("/admin").await.status, 200, "root's sign-in goes on");

    world.advance(Duration::from_secs(1)); // the list is in the order of the sign-ins
    let (alice, _) = world.sign_in("alice").await;
    let listed = devices(&alice).await;
    let actors: Vec<_> = listed.iter().map(|device| device.actor.as_deref()).collect();
    assert_eq!(actors, [Some("root"), None]);
    assert_eq!(listed[0].label.as_deref(), Some("ticket 4711"));
    assert_eq!(devices(&world.client_with(&own)).await.len(), 1);
}

/// The proof of the actor is no proof of the user, and neither is what the application states.
async fn sec_100_acting_raises_nothing(world: World) {
    let (client, _) = root(&world).await;
    acting(&client, Login::from("alice").acr("aal3")).await;
    let Me { authenticated_at, acr, amr, .. } = me(&client).await;
    assert_eq!((authenticated_at, acr, amr), (None, None, Vec::new()));
    for path in ["/step-up", "/strong", "/otp"] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
    }
    let confirmation = Confirmation::by(&["otp"]).acr("aal2");
    assert_eq!(client.post("/reauthenticate").json(&confirmation).await.status, 403);
    assert_eq!(client.post("/second-factor").json(&confirmation).await.status, 401);
    assert_eq!(client.get("/step-up").await.status, 401);
}

async fn sec_100_the_actor_returns_to_the_same_sign_in(world: World) {
    let (client, own) = root(&world).await;
    let before = me(&client).await;
    world.advance(10 * MINUTE);
    let as_alice = acting(&client, "alice").await;
    world.advance(10 * MINUTE);

    let reply = client.post("/stop-acting").await;

    assert!(reply.status.is_success(), "{reply:?}");
    assert_eq!(me(&client).await, before, "with its time of authentication");
    assert_eq!(client.get("/step-up").await.status, 401, "which is old");
    assert_eq!(client.get("/consent").await.status, 200);
    assert_eq!(world.statuses([&as_alice, &own]).await, [401, 401], "both were replaced");
    assert_eq!(world.sign_in_count().await, 1);
    assert_eq!(client.post("/stop-acting").await.status, 403, "it does not act");
    client.refreshed().await;
    acting(&client, "bob").await;
    assert_eq!(me(&client).await.subject, "bob");
}

async fn sec_100_acting_ends_with_the_sign_in_of_the_actor(world: World) {
    for (number, way) in ["/logout", "/logout-everywhere", "revoked"].into_iter().enumerate() {
        let (name, node) = (format!("alice{number}"), world.with(|_| {}).await);
        let (alice, _) = world.sign_in(&*name).await;
        let (client, own) = root(&world).await;
        let as_alice = acting(&client, &*name).await;
        for world in [&world, &node] {
            assert_eq!(world.status_of(&as_alice).await, 200);
        }
        match way {
            "revoked" => assert_eq!(world.store.revoke_subject("root").await.unwrap(), 1),
            path => assert!(world.client_with(&own).post(path).await.status.is_success()),
        }
        for world in [&world, &node] {
            assert_eq!(devices(&alice).await.len(), 1, "{way}");
            assert_eq!(world.status_of(&as_alice).await, 401, "{way}");
        }
        for path in ["/refresh", "/stop-acting"] {
            assert_eq!(client.post(path).await.status, 401, "{way}: {path}");
        }
        assert_eq!(alice.get("/me").await.status, 200);
        assert_eq!(world.store.list(&name).await.unwrap().len(), 1, "{way}: it is deleted");
    }
}

async fn sec_100_acting_ends_with_the_sign_ins_of_the_user(world: World) {
    for way in ["one", "others", "all"] {
        let (client, own) = root(&world).await;
        let (alice, _) = world.sign_in("alice").await;
        let as_alice = acting(&client, "alice").await;
        match way {
            "one" => {
                let path = format!("/devices/{}", as_alice.sign_in());
                let ended = alice.call(http::Method::DELETE, &path).await;
                assert_eq!(ended.status, 204);
            }
            "others" => assert_eq!(alice.post("/logout-others").await.text(), "1"),
            _ => assert_eq!(world.store.revoke_subject("alice").await.unwrap(), 2),
        }
        assert_eq!(world.statuses([&as_alice, &own]).await, [401, 200], "{way}");
        world.store.revoke_subject("alice").await.unwrap();
    }
}

async fn sec_100_nobody_acts_while_acting(world: World) {
    let (client, _) = root(&world).await;
    let as_alice = acting(&client, Login::from("alice").role("admin")).await;
    let reply = act_as(&client, "bob").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (403, 0), "{reply:?}");
    assert_eq!(me(&client).await.subject, "alice");
    assert_eq!(client.credential().unwrap(), as_alice);
    assert_eq!(world.sign_in_count().await, 2);
}

async fn sec_100_acting_for_another_needs_a_sign_in(world: World) {
    let pending = world.client();
    pending.signed_in(Login::from("root").pending()).await;
    let (_, own) = root(&world).await;
    for client in [world.client(), pending, world.client_with(&own.forged())] {
        assert_eq!(act_as(&client, "alice").await.status, 401);
        assert_eq!(client.post("/stop-acting").await.status, 401);
    }
    assert_eq!(world.store.list("alice").await.unwrap().len(), 0);
}

async fn sec_100_a_stolen_credential_leads_nowhere_after_the_actor_has_signed_out(world: World) {
    let (client, _) = root(&world).await;
    let stolen = acting(&client, "alice").await;
    assert!(client.post("/stop-acting").await.status.is_success());
    client.post("/logout").await;
    for path in ["/stop-acting", "/refresh", "/logout-others"] {
        let reply = world.client_with(&stolen).post(path).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (401, 0), "{path}");
    }
    assert_eq!(act_as(&world.client_with(&stolen), "alice").await.status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_21_acting_neither_ends_nor_blocks_a_sign_in_of_the_user(world: World) {
    for (name, policy) in [("alice", OverflowPolicy::EvictOldest), ("bob", OverflowPolicy::Reject)]
    {
        let world = world.with_limit(1, policy).await;
        let (client, own) = world.sign_in(&*format!("root of {name}")).await;
        let as_user = acting(&client, name).await;
        let (_, user) = world.sign_in(name).await;
        let (other, _) = world.sign_in(&*format!("other of {name}")).await;
        let also = acting(&other, name).await;
        assert_eq!(world.statuses([&own, &user, &as_user, &also]).await, [200; 4], "{policy:?}");
    }
}

async fn sec_102_few_users_act_for_one_at_a_time(world: World) {
    let (_, alice) = world.sign_in("alice").await;
    let mut credentials = Vec::new();
    for number in 0..11 {
        let (client, _) = world.sign_in(&*format!("root{number}")).await;
        credentials.push(acting(&client, "alice").await);
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(world.store.list("alice").await.unwrap().len(), 11, "ten, and the user's own");
    assert_eq!(world.statuses([&credentials[0], &credentials[1], &alice]).await, [401, 200, 200]);
}

async fn sec_59_88_new_roles_reach_who_acts_for_the_user(world: World) {
    let (client, _) = root(&world).await;
    acting(&client, "alice").await;
    for (role, status) in [("admin", 200), ("buyer", 403)] {
        let principal = encode(&[role.into()], &User { name: "ALICE".into() }).unwrap();
        assert_eq!(world.store.update_subject("alice", &principal).await.unwrap(), 1);
        assert_eq!(client.get("/admin").await.status, status, "{role}");
    }
    let none = encode(&[], &User { name: "ROOT".into() }).unwrap();
    world.store.update_subject("root", &none).await.unwrap();
    assert_eq!(me(&client).await.roles, ["buyer"]);
    client.post("/stop-acting").await;
    assert_eq!(client.get("/admin").await.status, 403, "the actor has lost the role meanwhile");
}

async fn signing_out_while_acting_ends_both_sign_ins(world: World) {
    let (client, own) = root(&world).await;
    let as_alice = acting(&client, "alice").await;
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(world.statuses([&own, &as_alice]).await, [401, 401]);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn signing_in_while_acting_ends_both_sign_ins(world: World) {
    for name in ["bob", "root"] {
        let (client, own) = root(&world).await;
        let as_alice = acting(&client, "alice").await;
        client.signed_in(name).await;
        let Me { subject, actor, .. } = me(&client).await;
        assert_eq!((subject.as_str(), actor), (name, None));
        assert_eq!(world.statuses([&own, &as_alice]).await, [401, 401], "{name}");
        assert_eq!(world.sign_in_count().await, 1, "{name}");
        client.post("/logout").await;
    }
}

/// It would be a sign-in of the user that does not end with the actor's.
async fn sec_100_who_acts_for_a_user_cannot_sign_in_as_the_user(world: World) {
    let (client, own) = root(&world).await;
    let as_alice = acting(&client, "alice").await;
    let login = Login::from("alice").via(world.transport());
    assert_eq!(client.post("/login").json(&login).await.status, 403);
    assert_eq!(me(&client).await.actor.as_deref(), Some("root"));
    assert_eq!(world.statuses([&own, &as_alice]).await, [200, 200]);
    assert_eq!(world.sign_in_count().await, 2);
}

async fn ending_the_other_sign_ins_of_the_user_spares_the_actor(world: World) {
    let (_, alice) = world.sign_in("alice").await;
    let (client, own) = root(&world).await;
    let as_alice = acting(&client, "alice").await;
    assert_eq!(client.post("/logout-others").await.text(), "1");
    assert_eq!(world.statuses([&alice, &as_alice, &own]).await, [401, 200, 200]);
}

async fn ending_all_sign_ins_of_the_user_ends_both(world: World) {
    let (_, alice) = world.sign_in("alice").await;
    let (client, own) = root(&world).await;
    let (_, elsewhere) = root(&world).await;
    let as_alice = acting(&client, "alice").await;
    assert_eq!(client.post("/logout-everywhere").await.text(), "2");
    assert_eq!(world.statuses([&alice, &as_alice, &own, &elsewhere]).await, [401, 401, 401, 200]);
}

/// The fault: a refresh made the sign-in one of the user's own kind.
async fn a_refresh_while_acting_goes_on_acting(world: World) {
    let world = world.with_limit(1, OverflowPolicy::EvictOldest).await;
    let (_, alice) = world.sign_in("alice").await;
    let (client, own) = root(&world).await;
    acting(&client, "alice").await;
    let new = client.refreshed().await;
    let Me { subject, actor, authenticated_at, .. } = me(&client).await;
    assert_eq!((subject.as_str(), actor.as_deref()), ("alice", Some("root")));
    assert_eq!(authenticated_at, None);
    assert_eq!(world.status_of(&alice).await, 200);
    let (_, newer) = world.sign_in("alice").await;
    assert_eq!(world.statuses([&new, &newer, &alice]).await, [200, 200, 401], "it counts alone");
    assert!(client.post("/stop-acting").await.status.is_success());
    assert_eq!(me(&client).await.subject, "root");
    assert_eq!(world.status_of(&own).await, 401);
}

/// Even if the sign-in of the user alone would last longer without a use.
async fn acting_is_a_use_of_the_sign_in_of_the_actor(world: World) {
    for login in [Login::from("alice"), Login::from("alice").lifetime(None, DAY)] {
        let (client, _) = root(&world).await;
        acting(&client, login).await;
        for _ in 0..4 {
            world.advance(40 * MINUTE);
            assert_eq!(client.get("/me").await.status, 200);
            world.sign_in_count().await; // the use is stored
        }
        assert!(client.post("/stop-acting").await.status.is_success());
        assert_eq!(me(&client).await.subject, "root");
    }
}

async fn acting_ends_when_the_sign_in_of_the_actor_expires(world: World) {
    let client = world.client();
    client.signed_in(Login::from("root").lifetime(None, 2 * HOUR)).await;
    let ends_at = me(&client).await.expires_at;
    world.advance(HOUR);
    acting(&client, "alice").await;
    assert_eq!(me(&client).await.expires_at, ends_at);
    world.advance(HOUR - MINUTE);
    assert_eq!(client.get("/me").await.status, 200);
    world.advance(MINUTE);
    for path in ["/stop-acting", "/refresh"] {
        assert_eq!(client.post(path).await.status, 401, "{path}");
    }
    assert_eq!(client.get("/me").await.status, 401);
    world.advance(DAY);
}

/// Returns a node that checks its users at each request.
async fn checking(world: &World) -> (World, Arc<Users>) {
    let users = Arc::new(Users::default());
    let (checked, age) = (Some(Arc::clone(&users)), Some(Duration::ZERO));
    let world = world.with(|setup| (setup.users, setup.user_check_age) = (checked, age)).await;
    (world, users)
}

async fn sec_99_both_users_are_checked(world: World) {
    let (world, users) = checking(&world).await;
    for (number, disabled) in ["alice", "root"].into_iter().enumerate() {
        let [alice, root] = ["alice", "root"].map(|name| format!("{name}{number}"));
        let disabled = format!("{disabled}{number}");
        let (client, own) = world.sign_in(&*root).await;
        let as_alice = acting(&client, &*alice).await;
        assert_eq!(world.status_of(&as_alice).await, 200);
        users.disable(&disabled);
        assert_eq!(world.status_of(&as_alice).await, 401, "{disabled}");
        let expected = if disabled == root { 401 } else { 200 };
        assert_eq!(world.status_of(&own).await, expected, "{disabled}");
        assert_eq!(world.store.list(&disabled).await.unwrap().len(), 0, "{disabled}");
    }
    let (client, own) = root(&world).await;
    users.disable("eve");
    let reply = act_as(&client, "eve").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (401, 0), "{reply:?}");
    assert_eq!(world.status_of(&own).await, 200, "nothing has happened to the actor");
    users.set_password("bob", "hash");
    acting(&client, Login { auth_hash: Some("hash".into()), ..Login::from("bob") }).await;
    assert_eq!(me(&client).await.subject, "bob");
    users.set_password("bob", "new");
    assert_eq!(client.get("/me").await.status, 401, "the password has changed");
}

/// Begins to act for alice, and does `meanwhile` before or after the sign-in is stored.
async fn interrupted(world: &World, fault: Fault, meanwhile: impl AsyncFn()) -> (Client, Reply) {
    let (client, _) = root(world).await;
    world.store.reset_calls();
    world.store.set(Op::Create, fault);
    let call = client.post("/act-as").json(&Login::from("alice"));
    let held = tokio::spawn(call.into_future());
    world.store.reached(Op::Create, 1).await;
    meanwhile().await;
    world.store.clear_faults();
    (client, held.await.unwrap())
}

async fn sec_99_a_user_who_is_disabled_meanwhile_is_not_acted_for(world: World) {
    for name in ["alice", "root"] {
        for fault in [Fault::Hangs, Fault::AnswerDelayed] {
            let (world, users) = checking(&world).await;
            let store = &world.store;
            let disable = async || {
                users.disable(name);
                store.revoke_subject(name).await.unwrap();
            };
            let (_, late) = interrupted(&world, fault, disable).await;
            assert_eq!((late.status.as_u16(), late.set_cookies().len()), (401, 0), "{name}");
            while !world.store.list("alice").await.unwrap().is_empty() {
                tokio::task::yield_now().await; // it is rolled back
            }
            world.store.revoke_subject("root").await.unwrap();
        }
    }
}

/// Without a check of users. The credential may be delivered, and is worth nothing.
async fn sec_100_an_actor_whose_sign_in_ends_meanwhile_does_not_act(world: World) {
    for fault in [Fault::Hangs, Fault::AnswerDelayed] {
        let store = &world.store;
        let revoke = async || assert_eq!(store.revoke_subject("root").await.unwrap(), 1);
        let (client, _) = interrupted(&world, fault, revoke).await;
        assert_eq!(client.get("/me").await.status, 401, "{fault:?}");
        for path in ["/stop-acting", "/refresh"] {
            assert_eq!(client.post(path).await.status, 401, "{fault:?}: {path}");
        }
    }
}

async fn sec_100_acting_and_a_sign_out_at_the_same_time(world: World) {
    for ends in ["/logout", "/logout-everywhere"] {
        let (_, own) = root(&world).await;
        let clients: Vec<_> = (0..6).map(|_| world.client_with(&own)).collect();
        let calls = clients.iter().enumerate().map(|(number, client)| match number {
            2 => client.post(ends),
            _ => client.post("/act-as").json(&Login::from("alice")),
        });
        send_concurrently(calls).await;
        for client in &clients {
            assert_eq!(client.get("/me").await.status, 401, "{ends}");
            assert_eq!(client.post("/stop-acting").await.status, 401, "{ends}");
        }
        let (alice, _) = world.sign_in("alice").await;
        assert_eq!(devices(&alice).await.len(), 1);
        world.store.revoke_subject("alice").await.unwrap();
    }
}

async fn sec_100_returning_twice_at_the_same_time_happens_once(world: World) {
    let (client, _) = root(&world).await;
    let as_alice = acting(&client, "alice").await;
    let nodes = [&world, &world.with(|_| {}).await];
    let clients: Vec<_> = (0..4).map(|number| nodes[number % 2].client_with(&as_alice)).collect();
    let replies = send_concurrently(clients.iter().map(|it| it.post("/stop-acting"))).await;
    let mut returned = clients.iter().zip(&replies).filter(|(_, it)| it.status.is_success());
    let (client, _) = returned.next().expect("one of them returns");
    assert_eq!(returned.count(), 0, "{replies:?}");
    while client.get("/me").await.status != 200 {
        tokio::task::yield_now().await; // the other node takes its own secret back
    }
    assert_eq!(me(client).await.subject, "root");
    assert_eq!(world.sign_in_count().await, 1);
}

async fn sec_92_returning_can_be_repeated_after_a_failure(world: World) {
    for op in [Op::Load, Op::Rotate, Op::Delete] {
        let (client, _) = root(&world).await;
        let as_alice = acting(&client, "alice").await;
        world.store.set(op, Fault::Fails);
        let failed = client.post("/stop-acting").await;
        assert!(failed.is_unavailable(), "{op:?}: {failed:?}");
        world.store.clear_faults();
        assert_eq!(world.status_of(&as_alice).await, 200, "{op:?}");
        assert!(client.post("/stop-acting").await.status.is_success(), "{op:?}");
        assert_eq!(me(&client).await.subject, "root", "{op:?}");
        client.post("/logout").await;
    }
}

async fn a_stream_ends_with_the_sign_in_of_the_actor(world: World) {
    let (client, own) = root(&world).await;
    acting(&client, "alice").await;
    let (of_actor, stream) = (world.client_with(&own), client.get("/ended"));
    world.store.reset_calls();
    let stream = tokio::spawn(stream.into_future());
    world.store.reached(Op::Watch, 1).await; // it waits
    assert_eq!(of_actor.post("/logout").await.status, 204);
    assert_eq!(stream.await.unwrap().text(), "revoked");
}

async fn options_that_do_not_apply_are_mistakes_of_the_application(world: World) {
    let (_, own) = root(&world).await;
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        let act = || auth.act_as(Principal::new("alice").claims(User::default()));
        let session = ProviderSession::new("https://a.example", "alice", Timestamp::EPOCH);
        for acting in [
            act().pending(),
            act().as_tokens(),
            act().as_cookie(),
            act().backend("jwt"),
            act().authenticated_at(Timestamp::EPOCH),
            act().provider_session(session),
        ] {
            let error = acting.await.unwrap_err();
            assert_eq!(error.kind(), AuthErrorKind::Config);
        }
        assert_eq!(auth.identity().unwrap().subject(), "root");
        Response::default()
    };
    assert_eq!(world.handle(Some(&own), handler).await.status(), 200);
    assert_eq!(world.status_of(&own).await, 200);
}

async fn sec_73_acting_is_logged_with_both_users(world: World) {
    let (client, _) = root(&world).await;
    let events = EventCapture::start();
    acting(&client, "alice").await;
    client.post("/stop-acting").await;
    let lines = events.take();
    for text in ["acting for another user", "stopped acting"] {
        let is_it = |line: &&String| {
            line.contains(text) && line.contains("actor=\"root\"") && line.contains("alice")
        };
        assert_eq!(lines.iter().filter(is_it).count(), 1, "{lines:#?}");
    }
}

async fn the_data_of_the_actor_and_of_the_user_stay_apart(world: World) {
    let (alice, _) = world.sign_in("alice").await;
    let (client, _) = root(&world).await;
    alice.post("/cart").body("apple").await;
    client.post("/cart").body("pear").await;
    acting(&client, "alice").await;
    assert_eq!(client.get("/cart").await.text(), "[]");
    client.post("/cart").body("plum").await;
    client.post("/stop-acting").await;
    assert_eq!(client.get("/cart").await.text(), r#"["pear"]"#);
    assert_eq!(alice.get("/cart").await.text(), r#"["apple"]"#);
    acting(&client, "alice").await;
    client.post("/cart").body("plum").await;
    client.signed_in("bob").await;
    assert_eq!(client.get("/cart").await.text(), "[]", "what an actor has planted is gone");
}

/// RFC 8693 section 4.1, for services that verify tokens without the store.
async fn sec_100_tokens_name_the_actor(world: World) {
    let (client, own) = root(&world).await;
    let as_alice = acting(&client, "alice").await;
    let of_alice = claims(as_alice.text());
    assert_eq!(of_alice["sub"], "alice");
    assert_eq!(of_alice["act"], serde_json::json!({ "sub": "root" }));
    assert_eq!((of_alice.get("auth_time"), of_alice.get("acr")), (None, None));
    let refreshed = client.refreshed().await;
    assert_eq!(claims(refreshed.text())["act"]["sub"], "root");
    client.post("/stop-acting").await;
    let back = claims(client.credential().unwrap().text());
    assert_eq!((&back["sub"], back.get("act")), (&"root".into(), None));
    assert_eq!(back["auth_time"], claims(own.text())["auth_time"]);
}

/// The fault: an app, whose refresh token was in the body, got a cookie.
async fn the_refresh_token_is_delivered_like_that_of_the_actor(world: World) {
    let client = world.client();
    client.login(Login::from("root").refresh_in_body()).await;
    let reply = act_as(&client, "alice").await;
    assert_eq!(reply.set_cookies().len(), 0, "{reply:?}");
    assert!(reply.json::<serde_json::Value>()["refresh_token"].is_string(), "{reply:?}");
    let (client, _) = root(&world).await;
    let reply = act_as(&client, "alice").await;
    assert!(reply.set_cookie(REFRESH).is_some(), "{reply:?}");
    assert!(reply.json::<serde_json::Value>().get("refresh_token").is_none(), "{reply:?}");
}
