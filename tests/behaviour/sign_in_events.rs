//! The events of sign-ins that an application receives.

use std::sync::Arc;

use auth_store::{OverflowPolicy, SignInEvent};

use crate::app::{Confirmation, Login, Refresh};
use crate::harness::{Users, World};

suite!(every:
    the_application_is_told_of_new_devices_alone,
    the_application_is_told_of_a_limit_that_is_reached,
    the_application_is_not_told_of_a_sign_in_that_it_refuses,
    the_application_is_told_who_acts_for_whom,
);

suite!(pair: the_application_is_told_of_a_stolen_refresh_token);

async fn the_application_is_told_of_new_devices_alone(world: World) {
    let (world, events) = world.with_events().await;
    let take = || std::mem::take(&mut *events.lock());
    let client = world.client();
    let credential = client.signed_in(Login::from("alice").label("phone")).await;
    let [SignInEvent::NewDevice { subject, sign_in, .. }] = &take()[..] else { panic!() };
    assert_eq!((&**subject, sign_in.id), ("alice", credential.sign_in()));
    assert_eq!((sign_in.label.as_deref(), sign_in.created_at), (Some("phone"), world.clock.now()));

    client.refreshed().await;
    client.signed_in("alice").await;
    client.post("/reauthenticate").json(&Confirmation::by(&["otp"])).await;
    client.post("/logout").await;
    assert_eq!(take(), [], "it is the same device");

    let pending = world.client();
    pending.signed_in(Login::from("bob").pending()).await;
    assert_eq!(take(), [], "the second factor may never follow");
    pending.post("/second-factor").json(&Confirmation::by(&["otp"])).await;
    assert!(matches!(&take()[..], [SignInEvent::NewDevice { .. }]));
    pending.signed_in("eve").await;
    assert!(matches!(&take()[..], [SignInEvent::NewDevice { .. }]), "another user");
}

async fn the_application_is_told_of_a_limit_that_is_reached(world: World) {
    for (name, policy) in [("eve", OverflowPolicy::EvictOldest), ("joe", OverflowPolicy::Reject)] {
        let (world, events) = world.with_limit(1, policy).await.with_events().await;
        world.client().login(name).await;
        assert_eq!(events.lock().len(), 1, "there is room");
        world.client().login(name).await;
        let evicted = usize::from(policy == OverflowPolicy::EvictOldest);
        let reached = SignInEvent::LimitReached { subject: name.into(), evicted };
        assert_eq!(events.lock().iter().filter(|event| **event == reached).count(), 1);
        assert_eq!(events.lock().len(), 2 + evicted, "{policy:?}");
    }
}

async fn the_application_is_not_told_of_a_sign_in_that_it_refuses(world: World) {
    let (world, events) =
        world.with_limit(1, OverflowPolicy::EvictOldest).await.with_events().await;
    let users = Arc::new(Users::default());
    let checked = Some(Arc::clone(&users));
    let world = world.with(|setup| setup.users = checked).await;
    world.client().signed_in("alice").await;
    events.lock().clear();
    users.disable("alice");
    assert_eq!(world.client().login("alice").await.status, 401);
    assert_eq!(*events.lock(), []);
}

async fn the_application_is_told_who_acts_for_whom(world: World) {
    let (world, events) = world.with_events().await;
    let (client, _) = world.sign_in("root").await;
    events.lock().clear();
    assert!(client.post("/act-as").json(&Login::from("alice")).await.status.is_success());
    let sign_in = client.credential().unwrap().sign_in();
    client.post("/stop-acting").await;
    let acting = SignInEvent::Acting { actor: "root".into(), subject: "alice".into(), sign_in };
    assert_eq!(*events.lock(), [acting]);
}

async fn the_application_is_told_of_a_stolen_refresh_token(world: World) {
    let (world, events) = world.with_events().await;
    let (client, stolen) = world.sign_in("alice").await;
    client.refreshed().await;
    client.refreshed().await;
    events.lock().clear();
    let token = Refresh::token(stolen.refresh().unwrap());
    assert_eq!(world.client().post("/refresh").json(&token).await.status, 401);
    let (subject, sign_in) = ("alice".into(), stolen.sign_in());
    assert_eq!(*events.lock(), [SignInEvent::RefreshTokenReused { subject, sign_in }]);
}
