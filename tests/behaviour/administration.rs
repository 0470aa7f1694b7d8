//! Changes that an application makes to the sign-ins of its users, such as new roles or a disabled
//! account.

use std::sync::Arc;

use auth_core::{AuthErrorKind, Claims, Revoke, SignInId};
use auth_store::{SignInManager, Store, encode};

use tokio::sync::Barrier;

use crate::app::{Login, Me, User};
use crate::harness::{Framework, TestBackend, World, jwt};

suite!(every:
    sec_59_a_new_role_takes_effect_at_once,
    sec_88_a_removed_role_is_lost_at_once,
    sec_15_disabling_a_user_ends_every_sign_in,
    sec_16_a_new_factor_ends_the_other_sign_ins,
    sec_17_an_administrator_ends_one_or_all_sign_ins,
    sec_59_88_a_role_is_granted_and_revoked_by_itself,
    sec_88_roles_that_change_at_the_same_time_all_change,
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
    assert_eq!(auth.update_claims("alice", &["buyer"], &user).await.unwrap(), 1);
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

async fn sec_59_88_a_role_is_granted_and_revoked_by_itself(world: World) {
    let (phone, laptop) = (world.client(), world.client());
    phone.signed_in(Login::from("alice").role("buyer").acr("aal1")).await;
    laptop.signed_in(Login::from("alice").role("buyer").role("admin")).await;
    let (bob, _) = world.sign_in("bob").await;
    let manager = SignInManager::new(Arc::clone(&world.store) as Arc<dyn Store>);
    let before: Me = phone.get("/me").await.json();

    assert_eq!(manager.grant_role("alice", "admin").await.unwrap(), 1, "the laptop had it");

    for (client, status) in [(&phone, 200), (&laptop, 200), (&bob, 403)] {
        assert_eq!(client.get("/admin").await.status, status);
    }
    let after: Me = phone.get("/me").await.json();
    assert_eq!(after, Me { roles: vec!["buyer".into(), "admin".into()], ..before });
    assert_eq!(manager.grant_role("alice", "admin").await.unwrap(), 0);
    assert_eq!(manager.revoke_role("alice", "admin").await.unwrap(), 2);
    for client in [&phone, &laptop] {
        assert_eq!(client.get("/admin").await.status, 403);
        assert_eq!(client.get("/me").await.json::<Me>().roles, ["buyer"]);
    }
    assert_eq!(manager.revoke_role("alice", "admin").await.unwrap(), 0);
    assert_eq!(manager.grant_role("nobody", "admin").await.unwrap(), 0);
    assert_eq!(world.sign_in_count().await, 3);
}

/// Two administrators change different roles on two nodes. With what each of them has read before, one would undo
/// the change of the other.
async fn sec_88_roles_that_change_at_the_same_time_all_change(world: World) {
    let client = world.client();
    client.signed_in(Login::from("alice").role("admin")).await;
    let (start, store) = (Arc::new(Barrier::new(5)), &world.store);
    let changes = (0..5).map(|number| {
        let manager = SignInManager::new(Arc::clone(store) as Arc<dyn Store>);
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            match number {
                0 => manager.revoke_role("alice", "admin").await,
                _ => manager.grant_role("alice", &format!("role {number}")).await,
            }
        })
    });
    for change in changes.collect::<Vec<_>>() {
        assert_eq!(change.await.unwrap().unwrap(), 1);
    }
    let mut roles = client.get("/me").await.json::<Me>().roles;
    roles.sort();
    assert_eq!(roles, ["role 1", "role 2", "role 3", "role 4"]);
    assert_eq!(client.get("/admin").await.status, 403);
}
