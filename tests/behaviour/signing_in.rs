//! Signing in, and what happens to the previous credential.

use crate::app::{Login, Me};
use crate::harness::World;

suite!(every:
    a_user_who_signs_in_is_recognised,
    sec_01_a_tampered_credential_is_refused,
    sec_02_two_sign_ins_have_two_secrets,
    sec_04_signing_in_again_ends_the_old_secret_and_keeps_the_cart,
    sec_04_the_next_user_sees_no_data_of_the_previous_one,
    sec_05_a_change_of_privilege_ends_the_old_secret,
);

async fn a_user_who_signs_in_is_recognised(world: World) {
    let client = world.client();
    assert_eq!(client.get("/me").await.status, 401);

    client.signed_in(Login::from("alice").role("buyer").acr("aal1")).await;

    let me: Me = client.get("/me").await.json();
    assert_eq!((me.subject.as_str(), me.name.as_str()), ("alice", "ALICE"));
    assert_eq!((me.roles, me.acr.as_deref()), (vec!["buyer".to_owned()], Some("aal1")));
    assert_eq!(me.authenticated_at, Some(world.clock.now().as_secs()));
    assert_eq!(client.get("/maybe").await.text(), "alice");
    assert_eq!(client.get("/who").await.text(), "alice");
}

async fn sec_01_a_tampered_credential_is_refused(world: World) {
    let credential = world.client().signed_in("alice").await;
    assert_eq!(world.statuses([&credential, &credential.tampered()]).await, [200, 401]);
}

async fn sec_02_two_sign_ins_have_two_secrets(world: World) {
    let first = world.client().signed_in("alice").await;
    let second = world.client().signed_in("alice").await;
    assert_ne!(first.secret(), second.secret());
    assert_ne!(first.sign_in(), second.sign_in());
}

async fn sec_04_signing_in_again_ends_the_old_secret_and_keeps_the_cart(world: World) {
    let (client, old) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;

    let new = client.signed_in("alice").await;

    assert_ne!(old.secret(), new.secret());
    assert_eq!(world.statuses([&old, &new]).await, [401, 200]);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(world.sign_in_count().await, 1);
}

async fn sec_04_the_next_user_sees_no_data_of_the_previous_one(world: World) {
    let (client, alices) = world.sign_in("alice").await;
    client.post("/cart").body("diary").await;

    client.signed_in("bob").await;

    assert_eq!(client.get("/me").await.json::<Me>().subject, "bob");
    assert_eq!(client.get("/cart").await.text(), "[]");
    assert_eq!(world.status_of(&alices).await, 401);
    assert_eq!(world.sign_in_count().await, 1, "alice's sign-in has ended");
}

async fn sec_05_a_change_of_privilege_ends_the_old_secret(world: World) {
    let (client, buyer) = world.sign_in(Login::from("alice").role("buyer")).await;
    assert_eq!(client.get("/admin").await.status, 403);

    client.signed_in(Login::from("alice").role("admin")).await;

    assert_eq!(client.get("/admin").await.status, 200);
    assert_eq!(world.status_of(&buyer).await, 401);
    assert_eq!(world.client_with(&buyer).get("/admin").await.status, 401);
}
