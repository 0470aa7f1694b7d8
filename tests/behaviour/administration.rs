//! Changes that an application makes to the sign-ins of its users, such as new roles or a disabled
//! account.

use auth_core::{AuthErrorKind, Claims, Revoke, SignInId};
use auth_store::{Store, encode};

use crate::app::{Login, Me, User};
use crate::harness::{Framework, TestBackend, World, jwt};

suite!(every:
    sec_59_a_new_role_takes_effect_at_once,
    sec_88_a_removed_role_is_lost_at_once,
    sec_15_disabling_a_user_ends_every_sign_in,
    sec_16_a_new_factor_ends_the_other_sign_ins,
    sec_17_an_administrator_ends_one_or_all_sign_ins,
);

async fn amend(world: &World, subject: &str, roles: &[&str]) -> usize {
    let roles: Vec<Box<str>> = roles.iter().map(|role| (*role).into()).collect();
    let principal = encode(&roles, &User { name: "amended".into() }).unwrap();
    world.store.update_subject(subject, &principal).await.unwrap()
}

async fn sec_59_a_new_role_takes_effect_at_once(world: World) {
    let (phone, laptop) = (world.client(), world.client());
    phone.signed_in(Login::from("alice").acr("aal1")).await;
    laptop.signed_in("alice").await;
    let (bob, _) = world.sign_in("bob").await;
    let before: Me = phone.get("/me").await.json();
    assert_eq!(phone.get("/admin").await.status, 403);

    assert_eq!(amend(&world, "alice", &["admin"]).await, 2);

    for client in [&phone, &laptop] {
        assert_eq!(client.get("/admin").await.status, 200);
    }
    assert_eq!(bob.get("/admin").await.status, 403);
    let after: Me = phone.get("/me").await.json();
    let amended = Me { name: "amended".into(), roles: vec!["admin".into()], ..before };
    assert_eq!(after, amended, "the authentication is unchanged");
}

async fn sec_88_a_removed_role_is_lost_at_once(world: World) {
    let node = world.with(|_| {}).await;
    let credential = world.client().signed_in(Login::from("alice").role("admin")).await;
    for world in [&world, &node] {
        assert_eq!(world.client_with(&credential).get("/admin").await.status, 200);
    }

    amend(&world, "alice", &[]).await;

    for world in [&world, &node] {
        assert_eq!(world.client_with(&credential).get("/admin").await.status, 403);
        assert_eq!(world.status_of(&credential).await, 200);
    }
}

async fn sec_15_disabling_a_user_ends_every_sign_in(world: World) {
    let first = world.client().signed_in("alice").await;
    let second = world.client().signed_in("alice").await;
    let bobs = world.client().signed_in("bob").await;

    assert_eq!(world.store.revoke_subject("alice").await.unwrap(), 2);

    assert_eq!(world.statuses([&first, &second]).await, [401, 401]);
    assert_eq!(world.status_of(&bobs).await, 200);
}

/// After a change of password, the user signs in again and ends the other sign-ins.
async fn sec_16_a_new_factor_ends_the_other_sign_ins(world: World) {
    let (here, stale) = world.sign_in("alice").await;
    let elsewhere = world.client().signed_in("alice").await;

    let new = here.signed_in(Login::from("alice").acr("aal2")).await;
    here.post("/logout-others").await;

    assert_eq!(world.statuses([&new, &stale]).await, [200, 401]);
    assert_eq!(world.status_of(&elsewhere).await, 401);
}

#[tokio::test]
async fn sec_59_88_an_administrator_changes_roles_through_the_backend() {
    let world = World::start(TestBackend::jwt(), Framework::Axum).await;
    let token = world.client().signed_in(Login::from("alice").role("admin")).await;
    let auth = jwt(&world.setup);
    let user = User { name: "amended".into() };
    assert_eq!(auth.update_claims("alice", &["buyer".into()], &user).await.unwrap(), 1);
    assert_eq!(world.client_with(&token).get("/admin").await.status, 403);
    assert_eq!(world.client_with(&token).get("/me").await.json::<Me>().name, "amended");
    assert_eq!(auth.sign_in_manager().revoke("alice", Revoke::All).await.unwrap(), 1);
    assert_eq!(world.status_of(&token).await, 401);
}

/// A token has its own `sub`, so a claim of that name is dropped.
#[tokio::test]
async fn registered_claim_names_are_not_stored_as_user_claims() {
    let world = World::start(TestBackend::jwt(), Framework::Axum).await;
    let token = world.client().signed_in("alice").await;
    let auth = jwt(&world.setup).claims::<Claims>();
    let claims: Claims = serde_json::from_str(r#"{"sub":"mallory"}"#).unwrap();
    let refused = auth.update_claims("alice", &[], &claims).await.unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::Serialization);
    assert_eq!(world.client_with(&token).get("/me").await.json::<Me>().name, "ALICE");
}

async fn sec_17_an_administrator_ends_one_or_all_sign_ins(world: World) {
    let first = world.client().signed_in("alice").await;
    let second = world.client().signed_in("alice").await;
    let revoke =
        async |subject: &str, id: SignInId| world.store.revoke(subject, &id).await.unwrap();

    assert!(!revoke("bob", first.sign_in()).await, "bob has no such sign-in");
    assert!(revoke("alice", first.sign_in()).await);
    assert_eq!(world.statuses([&first, &second]).await, [401, 200]);

    world.store.revoke_subject("alice").await.unwrap();
    assert_eq!(world.status_of(&second).await, 401);
}
