//! A shop with sessions and tokens, which share a store and its device lists.

use serde_json::{Value, json};

use crate::harness::{Curl, Shop, Tokens};

fn scheme(client: &Curl, tokens: &Tokens) -> Value {
    client.get("/me").bearer(&tokens.access).send().json()["scheme"].clone()
}

fn put_tea(client: &Curl) {
    let tea = json!({ "item": "tea", "quantity": 1 });
    assert_eq!(client.post("/cart").json(&tea).send().status, 200);
}

#[test]
fn a_session_is_the_default() {
    let shop = Shop::start();
    let alice = shop.device();
    let login = alice.login("alice", "wonderland");
    assert_eq!(login.json().get("access_token"), None);
    assert_eq!(alice.cookie_names(), ["session"]);
    assert_eq!(alice.get("/me").send().json()["scheme"], "session");
    let refreshed = alice.post("/refresh").send().json();
    assert_eq!(refreshed, json!({ "sign_in": login.json()["sign_in"] }));
}

#[test]
fn a_sign_in_by_token_takes_over_the_visitors_cart() {
    let shop = Shop::start();
    let alice = shop.device();
    put_tea(&alice);
    let as_visitor = alice.cookie().unwrap();
    let tokens = Tokens::of_alice_in_body(&alice);
    assert_eq!(alice.cookie(), None, "the cookie was removed");
    assert_eq!(scheme(&alice, &tokens), "jwt");
    let cart = alice.get("/cart").bearer(&tokens.access).send();
    assert_eq!(cart.json(), json!({ "tea": 1 }));
    let thief = shop.client();
    assert_eq!(
        thief.get("/cart").header(&as_visitor).send().json(),
        json!({}),
        "the old cookie has no cart"
    );
}

#[test]
fn the_refresh_token_is_in_a_cookie_by_default() {
    let shop = Shop::start();
    let alice = shop.device();
    put_tea(&alice);
    let first = Tokens::of_alice(&alice);
    assert_eq!((alice.cookie_names(), first.refresh), (vec!["refresh".to_owned()], None));
    let second = Tokens::of(&alice.post("/refresh").send());
    assert_eq!(scheme(&alice, &second), "jwt");
    assert_eq!(alice.get("/me").send().status, 401, "the refresh cookie is not a session");
    let stale = alice.post("/refresh").bearer("a.b.c").send();
    assert_eq!(scheme(&alice, &Tokens::of(&stale)), "jwt");
}

#[test]
fn a_refresh_token_in_the_body_takes_precedence_over_the_session() {
    let shop = Shop::start();
    let (alice, bob) = (Tokens::of_alice_in_body(&shop.client()), shop.device());
    bob.login("bob", "builder");
    let refreshed = Tokens::of(&alice.send_refresh(&bob));
    let me = shop.client().get("/me").bearer(&refreshed.access).send().json();
    assert_eq!((&me["subject"], &me["scheme"]), (&json!("alice"), &json!("jwt")));
    assert!(refreshed.refresh.is_some());
    assert_eq!(bob.get("/me").send().json()["subject"], "bob");
}

#[test]
fn a_sign_in_by_token_keeps_the_cart_and_ends_the_session() {
    let shop = Shop::start();
    let alice = shop.device();
    alice.login("alice", "wonderland");
    put_tea(&alice);
    let session = alice.cookie().unwrap();
    let tokens = Tokens::of_alice_in_body(&alice);
    assert_eq!(alice.cookie(), None);
    let cart = alice.get("/cart").bearer(&tokens.access).send();
    assert_eq!(cart.json(), json!({ "tea": 1 }));
    assert_eq!(shop.client().get("/me").header(&session).send().status, 401);
    let devices = alice.get("/devices").bearer(&tokens.access).send().json();
    assert_eq!(devices.as_array().unwrap().len(), 1, "they are one device");
}

/// The login carries the access token and the refresh cookie, or only the cookie.
#[test]
fn a_sign_in_by_session_ends_the_tokens() {
    let shop = Shop::start();
    let sent = json!({ "username": "alice", "password": "wonderland" });
    for with_token in [true, false] {
        let alice = shop.device();
        let tokens = Tokens::of_alice(&alice);
        let login = alice.post("/login").json(&sent);
        let login = if with_token { login.bearer(&tokens.access) } else { login };
        assert_eq!(login.send().status, 200);
        assert_eq!(alice.cookie_names(), ["session"]);
        assert_eq!(alice.get("/me").send().json()["scheme"], "session");
        assert_eq!(alice.get("/me").bearer(&tokens.access).send().status, 401, "{with_token}");
    }
}

/// A login by token sets no cookie, but it would end the session, or take over a visitor's cart.
#[test]
fn sec_38_82_another_site_cannot_replace_a_session_with_tokens() {
    let shop = Shop::start();
    let (alice, visitor) = (shop.device(), shop.device());
    alice.login("alice", "wonderland");
    put_tea(&visitor);
    let login = json!({
        "username": "bob",
        "password": "builder",
        "credential": "token",
        "delivery": "body",
    });
    for victim in [&alice, &visitor] {
        let before = victim.cookie();
        let login = victim.post("/login").json(&login);
        let response = login.header("origin: https://evil.example").send();
        assert_eq!((response.status, victim.cookie()), (403, before));
    }
    assert_eq!(alice.get("/me").send().json()["subject"], "alice");
    assert_eq!(visitor.get("/cart").send().json(), json!({ "tea": 1 }));
}

/// Signs Alice in on two devices: in a browser with a session, in an app with tokens.
fn two_devices() -> (Shop, Curl, Curl, Tokens) {
    let shop = Shop::start();
    let (browser, app) = (shop.device(), shop.device());
    browser.login("alice", "wonderland");
    let tokens = Tokens::of_alice(&app);
    (shop, browser, app, tokens)
}

#[test]
fn device_lists_contain_sessions_and_tokens() {
    let shop = Shop::start();
    let (browser, app) = (shop.device(), shop.client());
    browser.login("alice", "wonderland");
    let tokens = Tokens::of_alice_in_body(&app);
    let by_session = browser.get("/devices").send().json();
    let by_token = app.get("/devices").bearer(&tokens.access).send().json();
    let current = |devices: &Value| -> Vec<bool> {
        devices.as_array().unwrap().iter().map(|one| one["current"] == true).collect()
    };
    assert_eq!((current(&by_session), current(&by_token)), (vec![true, false], vec![false, true]));

    let end = format!("/devices/{}", by_token[1]["sign_in"].as_str().unwrap());
    assert_eq!(browser.delete(&end).send().status, 204);
    assert_eq!(app.get("/me").bearer(&tokens.access).send().status, 401);

    let tokens = Tokens::of_alice_in_body(&app);
    assert_eq!(app.post("/logout-everywhere").bearer(&tokens.access).send().status, 204);
    assert_eq!(app.get("/me").bearer(&tokens.access).send().status, 401);
    assert_eq!(browser.get("/me").send().status, 401);
}

#[test]
fn a_logout_with_a_token_does_not_affect_other_devices() {
    let (_shop, browser, app, tokens) = two_devices();
    let out = app.post("/logout").bearer(&tokens.access).send();
    assert_eq!((out.status, app.cookie()), (204, None));
    assert_eq!(out.header("clear-site-data"), Some(r#""cache", "storage""#), "once");
    assert_eq!(app.get("/me").bearer(&tokens.access).send().status, 401);
    assert_eq!(browser.get("/me").send().status, 200);
}

#[test]
fn a_logout_ends_all_sign_ins_of_the_request() {
    let (shop, browser, app, tokens) = two_devices();
    let [session, refresh] = [&browser, &app].map(|client| client.cookie().unwrap());
    let both = format!("{session}; {}", refresh.strip_prefix("cookie: ").unwrap());
    let out = shop.client().post("/logout").header(&both).send();
    assert_eq!((out.status, out.headers("set-cookie").len()), (204, 2));
    assert_eq!(browser.get("/me").send().status, 401);
    assert_eq!(app.get("/me").bearer(&tokens.access).send().status, 401);
}

/// This shop accepts only JSON Web Tokens as bearer tokens.
#[test]
fn sec_81_a_session_secret_is_not_a_token() {
    let shop = Shop::start();
    let device = shop.device();
    device.login("alice", "wonderland");
    let cookie = device.cookie().unwrap();
    let secret = cookie.strip_prefix("cookie: session=").unwrap();
    for token in [secret.to_owned(), format!("ses_{secret}"), format!("ref_{secret}")] {
        assert_eq!(shop.client().get("/me").bearer(&token).send().status, 401);
        let body = json!({ "refresh_token": token });
        assert_eq!(shop.client().post("/refresh").json(&body).send().status, 401);
    }
    assert_eq!(device.get("/me").send().status, 200);
}
