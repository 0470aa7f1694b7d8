//! Access tokens in a cookie, for pages without a script that could attach them.

use std::time::Duration;

use auth_core::{Authenticator, CookiePolicy, Transport};
use http::{Method, header};
use serde_json::Value;

use crate::app::{Login, Me};
use crate::harness::{Client, Framework, REFRESH, Setup, TestBackend, World, jwt};

const ACCESS: &str = "__Host-access";

async fn world() -> World {
    let build = |setup: &Setup| jwt(setup).cookie(CookiePolicy::host("access").unwrap()).erased();
    World::start(TestBackend::by_cookie(build), Framework::Axum).await
}

async fn signed_in(world: &World) -> Client {
    let client = world.client();
    assert_eq!(client.login("alice").await.status, 204);
    client
}

/// Returns the value of this cookie that the browser sends.
fn value(client: &Client, name: &str) -> String {
    let cookies = client.cookies("/");
    let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).unwrap().1.to_owned()
}

async fn status(world: &World, cookies: &str) -> u16 {
    world.client().get("/me").header("cookie", cookies).await.status.as_u16()
}

#[tokio::test]
async fn sec_25_26_27_28_a_sign_in_sets_two_cookies() {
    let world = world().await;
    let client = world.client();
    for call in [client.post("/login").json(&Login::from("alice")), client.post("/refresh")] {
        let reply = call.await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (204, 2), "{reply:?}");
        assert_eq!(reply.header(header::CACHE_CONTROL), "no-store");
        let written = |name: &str, site: &str| {
            let value = value(&client, name);
            format!("{name}={value}; HttpOnly; SameSite={site}; Secure; Path=/")
        };
        assert_eq!(reply.set_cookie(ACCESS), Some(&*written(ACCESS, "Lax")));
        assert_eq!(reply.set_cookie(REFRESH), Some(&*written(REFRESH, "Strict")));
        assert!(reply.body.is_empty());
    }
    let reply = client.get("/me").await;
    assert_eq!(reply.json::<Me>().subject, "alice");
    assert_eq!(reply.header(header::VARY), "authorization, cookie");
}

#[tokio::test]
async fn sec_38_another_site_cannot_use_the_cookie() {
    let world = world().await;
    let client = signed_in(&world).await;
    for (name, from) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        for path in ["/cart", "/login", "/refresh", "/logout", "/logout-others"] {
            let reply = client.post(path).json(&Login::from("mallory")).header(name, from).await;
            assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (403, 0), "{path}");
        }
        let delete = client.call(Method::DELETE, "/devices/1").header(name, from).await;
        assert_eq!(delete.status, 403);
        assert_eq!(client.get("/me").header(name, from).await.status, 200);
        let login = world.client().post("/login").json(&Login::from("mallory"));
        assert_eq!(login.header(name, from).await.status, 403);
    }
    assert_eq!(client.post("/cart").body("apple").await.text(), r#"["apple"]"#);
    assert_eq!(world.sign_in_count().await, 1);
}

#[tokio::test]
async fn sec_34_two_different_access_cookies_are_rejected() {
    let world = world().await;
    let good = value(&signed_in(&world).await, ACCESS);
    assert_eq!(status(&world, &format!("a=b; {ACCESS}={good}")).await, 200);
    assert_eq!(status(&world, &format!("{ACCESS}={good}; {ACCESS}=\"{good}\"")).await, 200);
    for cookies in
        [format!("{ACCESS}={good}; {ACCESS}=planted"), format!("{ACCESS}=; {ACCESS}={good}")]
    {
        assert_eq!(status(&world, &cookies).await, 401, "{cookies}");
        let anonymous = world.client().get("/maybe").header("cookie", &cookies).await;
        assert_eq!(anonymous.text(), "anonymous");
    }
}

#[tokio::test]
async fn sec_14_a_sign_out_with_two_access_cookies_ends_both() {
    let world = world().await;
    let (first, second) = (signed_in(&world).await, signed_in(&world).await);
    let values = [value(&first, ACCESS), value(&second, ACCESS)];
    let cookies = format!("{ACCESS}={}; {ACCESS}={}", values[0], values[1]);

    let reply = world.client().post("/logout").header("cookie", &cookies).await;

    assert_eq!(reply.status, 204);
    assert!(reply.set_cookie(ACCESS).unwrap().contains("Max-Age=0"), "{reply:?}");
    assert_eq!(world.sign_in_count().await, 0);
}

#[tokio::test]
async fn sec_87_a_good_cookie_does_not_make_up_for_a_bad_header() {
    let world = world().await;
    let client = signed_in(&world).await;
    for header in ["Bearer nonsense", "Bearer a.b.c", "Basic abc"] {
        assert_eq!(client.get("/maybe").header("authorization", header).await.status, 401);
    }
}

/// A client can also ask for a token in the body, to attach it itself.
#[tokio::test]
async fn a_token_in_the_body_takes_the_place_of_the_cookie() {
    let world = world().await;
    let client = signed_in(&world).await;
    let cookie = format!("{ACCESS}={}", value(&client, ACCESS));
    let login = Login::from("alice").via(Transport::Explicit);
    let reply = client.post("/login").json(&login).await;
    assert_eq!(reply.status, 200);
    assert!(reply.set_cookie(ACCESS).unwrap().contains("Max-Age=0"), "{reply:?}");
    assert!(!reply.set_cookie(REFRESH).unwrap().contains("Max-Age=0"), "{reply:?}");
    assert!(!client.cookies("/").contains(ACCESS));
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(status(&world, &cookie).await, 401);
}

#[tokio::test]
async fn sec_35_a_sign_out_removes_both_cookies_and_acts_at_once() {
    let world = world().await;
    let client = signed_in(&world).await;
    let cookie = format!("{ACCESS}={}", value(&client, ACCESS));
    assert_eq!(status(&world, &cookie).await, 200);

    let reply = client.post("/logout").await;

    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (204, 2));
    assert_eq!(client.cookies("/"), "");
    assert_eq!(status(&world, &cookie).await, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

/// Both cookies live as long as the refresh token.
#[tokio::test]
async fn an_expired_access_cookie_can_be_renewed_or_signed_out() {
    let world = world().await;
    let world = world.with_short_tokens().await;
    let client = signed_in(&world).await;
    world.advance(Duration::from_secs(300));
    assert_eq!(client.get("/me").await.status, 401);
    assert_eq!(client.get("/maybe").await.text(), "anonymous");

    assert_eq!(client.post("/refresh").await.status, 204);
    assert_eq!(client.get("/maybe").await.text(), "alice");

    world.advance(Duration::from_secs(300));
    let cookie = format!("{ACCESS}={}", value(&client, ACCESS));
    let late = world.client().post("/logout").header("cookie", &cookie).await;
    assert_eq!(late.status, 204);
    assert_eq!(world.sign_in_count().await, 0, "the expired cookie names the sign-in");
}

#[tokio::test]
async fn sec_23_both_cookies_persist_on_a_remembered_device() {
    let world = world().await;
    let reply = world.client().login(Login::from("alice").remember(true)).await;
    for name in [ACCESS, REFRESH] {
        assert!(reply.set_cookie(name).unwrap().contains("Max-Age=86400"), "{reply:?}");
    }
}

#[tokio::test]
async fn sec_81_neither_cookie_is_accepted_as_the_other() {
    let world = world().await;
    let client = signed_in(&world).await;
    let (access, refresh) = (value(&client, ACCESS), value(&client, REFRESH));
    for bad in [&refresh, refresh.strip_prefix("ref_").unwrap()] {
        assert_eq!(status(&world, &format!("{ACCESS}={bad}")).await, 401);
        assert_eq!(status(&world, &format!("{REFRESH}={bad}")).await, 401);
    }
    for name in [ACCESS, REFRESH] {
        let renewed = world.client().post("/refresh").header("cookie", &format!("{name}={access}"));
        assert_eq!(renewed.await.status, 401, "{name}");
    }
    assert_eq!(client.get("/me").await.status, 200);
}

/// Browsers store at most 4096 bytes per cookie.
#[tokio::test]
async fn sec_29_a_token_too_large_for_a_cookie_fails_the_sign_in() {
    let world = world().await;
    let client = world.client();
    let reply = client.login(Login::from("alice").role(&"x".repeat(4096))).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (413, 0));
    assert_eq!(client.cookies("/"), "");
    assert_eq!(world.sign_in_count().await, 0);
}

#[tokio::test]
async fn sec_29_a_step_up_too_large_for_a_cookie_does_not_change_the_sign_in() {
    let world = world().await;
    let client = signed_in(&world).await;
    client.post("/cart").body("apple").await;
    let reply = client.login(Login::from("alice").role(&"x".repeat(4096))).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (413, 0));
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(client.post("/refresh").await.status, 204);
}

/// A page that asked for a token in the body attaches it to its requests, and its refresh returns the
/// next one in the body.
#[tokio::test]
async fn a_refresh_delivers_the_access_token_as_the_sign_in_did() {
    let world = world().await.with_short_tokens().await;
    let client = world.client();
    let login = Login::from("alice").via(Transport::Explicit);
    assert_eq!(client.post("/login").json(&login).await.status, 200);
    for secs in [0, 300] {
        world.advance(Duration::from_secs(secs));
        let reply = client.post("/refresh").await;
        assert_eq!((reply.status.as_u16(), reply.set_cookie(ACCESS)), (200, None), "{reply:?}");
        assert!(reply.set_cookie(REFRESH).is_some(), "{reply:?}");
        assert!(reply.json::<Value>()["access_token"].is_string(), "{reply:?}");
    }
    assert_eq!(client.get("/me").await.status, 200);
}

/// A script can delete the access cookie by setting many others, and send any header. It gets no token
/// that it does not have already.
#[tokio::test]
async fn sec_28_a_refresh_without_the_access_cookie_hands_no_token_to_scripts() {
    let world = world().await;
    let (client, other) = (signed_in(&world).await, world.client());
    let login = Login::from("mallory").via(Transport::Explicit);
    let others = other.post("/login").json(&login).await.json::<Value>();
    let others = format!("Bearer {}", others["access_token"].as_str().unwrap());
    let mut refresh = value(&client, REFRESH);
    let mut access = value(&client, ACCESS);
    for header in [None, Some("Bearer a.b.c"), Some("Bearer x"), Some("Basic x"), Some(&*others)] {
        let page = world.client();
        let call = page.post("/refresh").header("cookie", &format!("{REFRESH}={refresh}"));
        let reply = match header {
            Some(header) => call.header("authorization", header).await,
            None => call.await,
        };
        assert_eq!((reply.status.as_u16(), &*reply.body), (204, &b""[..]), "{header:?} {reply:?}");
        assert!(reply.set_cookie(ACCESS).unwrap().contains("HttpOnly"), "{reply:?}");
        (refresh, access) = (value(&page, REFRESH), value(&page, ACCESS));
    }
    assert_eq!(status(&world, &format!("{ACCESS}={access}")).await, 200);
}
