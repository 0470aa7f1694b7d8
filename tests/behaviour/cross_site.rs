//! Requests that another site makes the browser send.

use auth_core::CrossOriginProtection;
use http::Method;

use crate::app::Login;
use crate::harness::{Call, World};

suite!(cookie:
    sec_38_a_cookie_is_refused_on_unsafe_requests_from_other_sites,
    sec_39_a_form_on_another_site_changes_nothing,
    sec_41_a_websocket_from_another_site_is_refused,
    sec_38_a_trusted_origin_is_allowed,
    sec_38_an_origin_that_the_layer_trusts_is_allowed,
    sec_82_sign_out_and_refresh_from_another_site_are_refused,
    sec_82_another_site_cannot_renew_a_cookie_sent_with_a_header,
);

suite!(pair: sec_82_a_refresh_cookie_is_used_by_an_origin_that_the_layer_trusts);

suite!(bearer: an_explicit_token_is_accepted_from_any_origin);

suite!(visitors:
    sec_82_another_site_cannot_sign_a_browser_in,
    sec_38_another_site_cannot_start_a_visitor_session,
);

const SAME: &str = "https://shop.example";
const EVIL: &str = "https://evil.example";

type Headers = &'static [(&'static str, &'static str)];

/// Headers that say where a request comes from, and whether its cookie is accepted.
const TABLE: [(&str, Headers, bool); 20] = [
    ("POST", &[("sec-fetch-site", "same-origin")], true),
    ("POST", &[("sec-fetch-site", "none")], true),
    ("POST", &[("sec-fetch-site", "cross-site")], false),
    ("POST", &[("sec-fetch-site", "same-site")], false),
    ("POST", &[("sec-fetch-site", "nonsense")], false),
    ("POST", &[], true),
    ("POST", &[("origin", SAME)], true),
    ("POST", &[("origin", "http://shop.example")], true),
    ("POST", &[("origin", EVIL)], false),
    ("POST", &[("origin", "https://shop.example:8443")], false),
    ("POST", &[("origin", "https://shop.example.evil.example")], false),
    ("POST", &[("origin", "null")], false),
    ("POST", &[("sec-fetch-site", "same-origin"), ("origin", EVIL)], true),
    ("POST", &[("sec-fetch-site", "cross-site"), ("origin", SAME)], false),
    ("PUT", &[("sec-fetch-site", "cross-site")], false),
    ("PATCH", &[("sec-fetch-site", "cross-site")], false),
    ("DELETE", &[("sec-fetch-site", "cross-site")], false),
    ("GET", &[("sec-fetch-site", "cross-site")], true),
    ("HEAD", &[("sec-fetch-site", "cross-site"), ("origin", EVIL)], true),
    ("OPTIONS", &[("sec-fetch-site", "cross-site")], true),
];

fn with(call: Call, headers: &[(&'static str, &str)]) -> Call {
    headers.iter().fold(call, |call, (name, value)| call.header(name, value))
}

async fn sec_38_a_cookie_is_refused_on_unsafe_requests_from_other_sites(world: World) {
    let (client, _) = world.sign_in("alice").await;
    for (method, headers, counts) in TABLE {
        let method: Method = method.parse().unwrap();
        let reply = with(client.call(method.clone(), "/no-such-page"), headers).await;
        // If the check passes, the response is 404 or 405, because there is no such page or method.
        assert_eq!(reply.status != 403, counts, "{method} {headers:?}: {}", reply.status);
        let anonymous = with(world.client().call(method, "/no-such-page"), headers).await;
        assert_eq!(anonymous.status, 404, "a request without a cookie needs no protection");
    }
    assert_eq!(client.get("/me").header("sec-fetch-site", "cross-site").await.status, 200);
}

async fn sec_39_a_form_on_another_site_changes_nothing(world: World) {
    let (client, _) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        for headers in [[("sec-fetch-site", "cross-site")], [("origin", EVIL)]] {
            let call = client.post("/cart").header("content-type", content_type).body("pear");
            assert_eq!(with(call, &headers).await.status, 403, "{content_type}");
        }
    }
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_41_a_websocket_from_another_site_is_refused(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let handshake = |headers: &[(&'static str, &str)]| {
        let call = client.get("/me").header("connection", "upgrade").header("upgrade", "websocket");
        with(call.header("sec-websocket-version", "13"), headers)
    };
    assert_eq!(handshake(&[("origin", EVIL)]).await.status, 403);
    assert_eq!(handshake(&[("sec-fetch-site", "cross-site")]).await.status, 403);
    assert_eq!(handshake(&[("origin", SAME)]).await.status, 200);
    assert_eq!(handshake(&[("sec-fetch-site", "same-origin")]).await.status, 200);
}

async fn sec_38_a_trusted_origin_is_allowed(world: World) {
    let world = world.with(|setup| setup.trusted_origin = Some("https://app.example")).await;
    let client = world.client();
    let login = |origin| {
        let call = client.post("/login").json(&Login::from("alice"));
        call.header("sec-fetch-site", "cross-site").header("origin", origin)
    };
    assert_eq!(login(EVIL).await.status, 403);
    assert_eq!(login("http://app.example").await.status, 403);
    assert_eq!(login("https://app.example").await.status, 204);
    let add = |origin| client.post("/cart").body("apple").header("origin", origin);
    assert_eq!(add(EVIL).await.status, 403);
    assert_eq!(add("https://app.example").await.status, 200);
}

/// Pages of any host below `app.example`.
fn pages_of_app() -> CrossOriginProtection {
    CrossOriginProtection::STRICT.trusted_origins(|origin| {
        let host = origin.strip_prefix("https://");
        host.is_some_and(|host| host.ends_with(".app.example"))
    })
}

/// The layer trusts them for every backend of a combination, for the credential of a request and for what the
/// handlers do.
async fn sec_38_an_origin_that_the_layer_trusts_is_allowed(world: World) {
    let strict = world.sign_in("alice").await.0;
    let world = world.with(|setup| setup.cross_origin = pages_of_app()).await;
    let client = world.client();
    for origin in ["https://a.app.example", "https://b.app.example"] {
        let from =
            |call: Call| call.header("sec-fetch-site", "cross-site").header("origin", origin);
        assert_eq!(from(strict.post("/cart").body("pear")).await.status, 403);
        let visitor = world.client();
        assert_eq!(from(visitor.post("/cart").body("apple")).await.status, 200);
        assert_ne!(visitor.cookies("/"), "", "a visitor's cookie is set");
        assert_eq!(from(client.post("/login").json(&Login::from("alice"))).await.status, 204);
        assert_eq!(from(client.post("/cart").body("apple")).await.status, 200);
        for path in ["/refresh", "/logout"] {
            assert_eq!(from(client.post(path)).await.status, 204, "{path}");
        }
    }
    client.signed_in("alice").await;
    for origin in [EVIL, "https://app.example", "https://evilapp.example", "null"] {
        for path in ["/login", "/cart", "/refresh", "/logout"] {
            let call = client.post(path).json(&Login::from("mallory"));
            let call = call.header("sec-fetch-site", "cross-site").header("origin", origin);
            assert_eq!(call.await.status, 403, "{path} {origin}");
        }
    }
}

async fn sec_82_a_refresh_cookie_is_used_by_an_origin_that_the_layer_trusts(world: World) {
    let world = world.with(|setup| setup.cross_origin = pages_of_app()).await;
    let (client, _) = world.sign_in("alice").await;
    let refresh = |origin| {
        let call = client.reloaded().post("/refresh").header("sec-fetch-site", "cross-site");
        call.header("origin", origin)
    };
    assert_eq!(refresh(EVIL).await.status, 403);
    assert_eq!(refresh("https://a.app.example").await.status, 200);
}

/// Login CSRF: the victim would continue as the attacker and store private data there.
async fn sec_82_another_site_cannot_sign_a_browser_in(world: World) {
    for headers in [[("sec-fetch-site", "cross-site")], [("origin", EVIL)]] {
        let victim = world.client();
        let form = victim.post("/login").json(&Login::from("mallory"));
        let reply = with(form, &headers).await;
        assert_eq!(reply.status, 403);
        assert!(reply.set_cookies().is_empty());
        assert_eq!(victim.cookies("/"), "");
    }
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_82_sign_out_and_refresh_from_another_site_are_refused(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    for path in ["/logout", "/refresh", "/logout-others", "/logout-everywhere", "/login"] {
        for headers in [[("sec-fetch-site", "cross-site")], [("origin", EVIL)]] {
            let reply = with(client.post(path).json(&Login::from("mallory")), &headers).await;
            assert_eq!(reply.status, 403, "{path}");
            assert!(reply.set_cookies().is_empty(), "{path}");
        }
    }
    assert_eq!(client.credential(), Some(credential.clone()));
    assert_eq!(world.status_of(&credential).await, 200);
}

/// The header decides and is invalid. The cookie is refused here as on any other path.
async fn sec_82_another_site_cannot_renew_a_cookie_sent_with_a_header(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let call = client.post("/refresh").header("authorization", "Basic abc");
    let reply = call.header("sec-fetch-site", "cross-site").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (401, 0));
    assert_eq!(world.status_of(&credential).await, 200);
}

/// The browser omits the `SameSite=Lax` cookie of a signed-in user, so the server sees a visitor. A
/// cookie in the response would replace the user's own.
async fn sec_38_another_site_cannot_start_a_visitor_session(world: World) {
    for headers in [[("sec-fetch-site", "cross-site")], [("origin", EVIL)]] {
        let reply = with(world.client().post("/cart").body("bait"), &headers).await;
        assert!(reply.set_cookies().is_empty(), "{reply:?}");
    }
    assert_eq!(world.sign_in_count().await, 0);
}

async fn an_explicit_token_is_accepted_from_any_origin(world: World) {
    let from_elsewhere =
        |call: Call| call.header("sec-fetch-site", "cross-site").header("origin", EVIL);
    let client = world.client();
    let login = Login::from("alice").via(world.transport());
    assert_eq!(from_elsewhere(client.post("/login").json(&login)).await.status, 200);
    assert_eq!(from_elsewhere(client.post("/cart").body("apple")).await.status, 200);
    assert_eq!(from_elsewhere(client.post("/refresh")).await.status, 200);
    assert_eq!(from_elsewhere(client.post("/logout")).await.status, 204);
}
