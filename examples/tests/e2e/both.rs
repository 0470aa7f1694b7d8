//! Sessions and tokens beside each other, in one store.

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
fn who_asks_for_nothing_gets_a_session() {
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
fn the_cart_of_a_visitor_moves_into_a_token_and_the_cookie_goes() {
    let shop = Shop::start();
    let alice = shop.device();
    put_tea(&alice);
    let as_visitor = alice.cookie().unwrap();
    let tokens = Tokens::of_alice_in_the_body(&alice);
    assert_eq!(alice.cookie(), None, "curl removed it");
    assert_eq!(scheme(&alice, &tokens), "jwt");
    let cart = alice.get("/cart").bearer(&tokens.access).send();
    assert_eq!(cart.json(), json!({ "tea": 1 }));
    let thief = shop.client();
    assert_eq!(thief.get("/cart").header(&as_visitor).send().json(), json!({}), "it has moved");
}

#[test]
fn what_refreshes_a_token_stays_in_a_cookie_unless_asked_otherwise() {
    let shop = Shop::start();
    let alice = shop.device();
    put_tea(&alice);
    let first = Tokens::of_alice(&alice);
    assert_eq!((alice.cookie_names(), first.refresh), (vec!["refresh".to_owned()], None));
    let second = Tokens::of(&alice.post("/refresh").send());
    assert_eq!(scheme(&alice, &second), "jwt");
    assert_eq!(alice.get("/me").send().status, 401, "the cookie is no session");
    let stale = alice.post("/refresh").bearer("a.b.c").send();
    assert_eq!(scheme(&alice, &Tokens::of(&stale)), "jwt");
}

#[test]
fn a_body_refreshes_tokens_beside_a_session() {
    let shop = Shop::start();
    let (alice, bob) = (Tokens::of_alice_in_the_body(&shop.client()), shop.device());
    bob.login("bob", "builder");
    let body = json!({ "refresh_token": alice.refresh() });
    let refreshed = Tokens::of(&bob.post("/refresh").json(&body).send());
    let me = shop.client().get("/me").bearer(&refreshed.access).send().json();
    assert_eq!((&me["subject"], &me["scheme"]), (&json!("alice"), &json!("jwt")));
    assert!(refreshed.refresh.is_some());
    assert_eq!(bob.get("/me").send().json()["subject"], "bob");
}

#[test]
fn a_user_who_turns_to_tokens_keeps_the_cart_and_the_session_is_dead() {
    let shop = Shop::start();
    let alice = shop.device();
    alice.login("alice", "wonderland");
    put_tea(&alice);
    let session = alice.cookie().unwrap();
    let tokens = Tokens::of_alice_in_the_body(&alice);
    assert_eq!(alice.cookie(), None);
    let cart = alice.get("/cart").bearer(&tokens.access).send();
    assert_eq!(cart.json(), json!({ "tea": 1 }));
    assert_eq!(shop.client().get("/me").header(&session).send().status, 401);
    let devices = alice.get("/devices").bearer(&tokens.access).send().json();
    assert_eq!(devices.as_array().unwrap().len(), 1, "it is the same device");
}

/// Whether the access token comes with the login, or nothing but the cookie that refreshes it.
#[test]
fn a_user_who_turns_to_a_session_has_no_tokens_left() {
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

/// A login by token sets no cookie, but it would end the session, and take a visitor's cart along.
#[test]
fn sec_38_82_another_site_takes_nothing_from_a_session_by_a_token() {
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
        let answer = login.header("origin: https://evil.example").send();
        assert_eq!((answer.status, victim.cookie()), (403, before));
    }
    assert_eq!(alice.get("/me").send().json()["subject"], "alice");
    assert_eq!(visitor.get("/cart").send().json(), json!({ "tea": 1 }));
}

#[test]
fn the_devices_of_both_kinds_are_listed_and_ended_together() {
    let shop = Shop::start();
    let (browser, app) = (shop.device(), shop.client());
    browser.login("alice", "wonderland");
    let tokens = Tokens::of_alice_in_the_body(&app);
    let by_session = browser.get("/devices").send().json();
    let by_token = app.get("/devices").bearer(&tokens.access).send().json();
    let current = |devices: &Value| -> Vec<bool> {
        devices.as_array().unwrap().iter().map(|one| one["current"] == true).collect()
    };
    assert_eq!((current(&by_session), current(&by_token)), (vec![true, false], vec![false, true]));

    let end = format!("/devices/{}", by_token[1]["sign_in"].as_str().unwrap());
    assert_eq!(browser.delete(&end).send().status, 204);
    assert_eq!(app.get("/me").bearer(&tokens.access).send().status, 401);

    let tokens = Tokens::of_alice_in_the_body(&app);
    assert_eq!(app.post("/logout-everywhere").bearer(&tokens.access).send().status, 204);
    assert_eq!(app.get("/me").bearer(&tokens.access).send().status, 401);
    assert_eq!(browser.get("/me").send().status, 401);
}

#[test]
fn a_logout_with_a_token_leaves_other_devices_alone() {
    let shop = Shop::start();
    let (browser, app) = (shop.device(), shop.device());
    browser.login("alice", "wonderland");
    let tokens = Tokens::of_alice(&app);
    let out = app.post("/logout").bearer(&tokens.access).send();
    assert_eq!((out.status, app.cookie()), (204, None));
    assert_eq!(out.header("clear-site-data"), Some(r#""cache", "storage""#), "once");
    assert_eq!(app.get("/me").bearer(&tokens.access).send().status, 401);
    assert_eq!(browser.get("/me").send().status, 200);
}

#[test]
fn a_logout_ends_whatever_the_request_can_name() {
    let shop = Shop::start();
    let (browser, app) = (shop.device(), shop.device());
    browser.login("alice", "wonderland");
    let tokens = Tokens::of_alice(&app);
    let [session, refresh] = [&browser, &app].map(|client| client.cookie().unwrap());
    let both = format!("{session}; {}", refresh.strip_prefix("cookie: ").unwrap());
    let out = shop.client().post("/logout").header(&both).send();
    assert_eq!((out.status, out.headers("set-cookie").len()), (204, 2));
    assert_eq!(browser.get("/me").send().status, 401);
    assert_eq!(app.get("/me").bearer(&tokens.access).send().status, 401);
}

/// A bearer token is a JSON Web Token here: sessions have none.
#[test]
fn sec_81_the_secret_of_a_session_is_no_token() {
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
