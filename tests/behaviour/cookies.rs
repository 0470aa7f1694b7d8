//! The session cookie: its attributes, its lifetime and its removal.

use std::time::Duration;

use auth_core::Persistence;
use http::Method;

use crate::app::Login;
use crate::harness::{Credential, World};

const DAY: Duration = Duration::from_secs(24 * 3600);

suite!(cookie:
    sec_25_26_27_28_the_cookie_has_the_secure_attributes,
    sec_23_a_cookie_is_a_browser_session_cookie_unless_persistent,
    sec_37_a_cookie_that_outlives_its_max_age_is_refused,
    sec_35_a_sign_out_removes_the_cookie,
    sec_35_no_other_response_removes_the_cookie,
    max_age_is_the_remaining_lifetime,
);

async fn sec_25_26_27_28_the_cookie_has_the_secure_attributes(world: World) {
    let client = world.client();
    let calls = [client.post("/login").json(&Login::from("alice")), client.post("/refresh")];
    for call in calls {
        let reply = call.await;
        let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
        let secret = client.credential().unwrap();
        let expected =
            format!("__Host-session={}; HttpOnly; SameSite=Lax; Secure; Path=/", secret.secret());
        assert_eq!(cookie, expected);
        assert!(reply.body.is_empty(), "the secret is only in the cookie");
    }
}

async fn sec_23_a_cookie_is_a_browser_session_cookie_unless_persistent(world: World) {
    let max_age = async |world: &World, login: Login| {
        let reply = world.client().login(login).await;
        let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
        assert!(!cookie.contains("Expires"), "{cookie}");
        cookie.split("Max-Age=").nth(1).map(|age| age.split(';').next().unwrap().to_owned())
    };
    assert_eq!(max_age(&world, "alice".into()).await, None);
    assert_eq!(max_age(&world, Login::from("alice").remember(false)).await, None);
    let day = Some("86400".to_owned());
    assert_eq!(max_age(&world, Login::from("alice").remember(true)).await, day);

    let persistent = world.with(|setup| setup.persistence = Persistence::Persistent).await;
    assert_eq!(max_age(&persistent, "alice".into()).await, day);
    assert_eq!(max_age(&persistent, Login::from("alice").remember(false)).await, None);
}

async fn max_age_is_the_remaining_lifetime(world: World) {
    let client = world.client();
    client.login(Login::from("alice").remember(true)).await;
    world.advance(Duration::from_secs(1800));
    let refresh = client.post("/refresh").await;
    let [cookie] = refresh.set_cookies()[..] else { panic!("{refresh:?}") };
    assert!(cookie.contains("Max-Age=84600;") || cookie.ends_with("Max-Age=84600"), "{cookie}");
}

async fn sec_37_a_cookie_that_outlives_its_max_age_is_refused(world: World) {
    let world = world.with(|setup| setup.lifetime = auth_store::Lifetime::AAL1).await;
    let (client, credential) = world.sign_in(Login::from("alice").remember(true)).await;
    world.advance(30 * DAY - Duration::from_secs(1));
    assert_eq!(world.status_of(&credential).await, 200);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(client.post("/refresh").await.status, 401);
}

async fn sec_35_a_sign_out_removes_the_cookie(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    assert!(client.cookies("/").contains(credential.secret()));

    let reply = client.post("/logout").await;

    let removal = "__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; Expires=";
    let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
    assert!(cookie.starts_with(removal), "{cookie}");
    assert_eq!(client.cookies("/"), "");
    assert_eq!(client.cookies("/devices/1"), "");
    let nothing_to_take = world.client().post("/logout").await;
    assert!(nothing_to_take.set_cookies().is_empty());
}

/// Only a sign-out removes a cookie, because the browser may have a newer one than the request.
async fn sec_35_no_other_response_removes_the_cookie(world: World) {
    let (client, old) = world.sign_in("alice").await;
    client.post("/refresh").await;
    let stale = world.client_with(&old);
    for (method, path) in [(Method::GET, "/me"), (Method::GET, "/cart"), (Method::POST, "/refresh")]
    {
        let reply = stale.call(method, path).await;
        assert!(reply.set_cookies().is_empty(), "{path}: {reply:?}");
    }
    assert!(matches!(client.credential(), Some(Credential::Cookie(_))));
}
