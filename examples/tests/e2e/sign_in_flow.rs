//! A user from the first visit to the sign-out, with curl and its cookie jar.

use serde_json::json;

use crate::harness::{Curl, Response, Shop, until_with_backoff};

#[test]
fn a_user_signs_in_and_out_with_a_session() {
    sign_in_and_out(&Shop::start_with(&["--auth", "session"]));
}

#[test]
fn a_user_signs_in_and_out_with_a_session_where_tokens_are_possible() {
    sign_in_and_out(&Shop::start());
}

#[test]
fn an_idle_sign_in_ends() {
    let shop = Shop::start_with(&["--idle", "1"]);
    let alice = shop.device();
    assert_eq!(alice.login("alice", "wonderland").status, 200);
    let rejected = until_with_backoff("the sign-in has ended", || {
        let response = alice.get("/me").send();
        (response.status != 200).then_some(response)
    });
    assert_eq!((rejected.status, &*rejected.error()), (401, "unauthorized"));
    assert_eq!(alice.get("/cart").send().json(), json!({}));
}

fn sign_in_and_out(shop: &Shop) {
    let alice = shop.device();
    a_visitor_fills_the_cart(&alice);
    alice_signs_in(&alice);
    only_bob_is_an_admin(&alice, &shop.device());
    a_refresh_replaces_the_secret(&alice, &shop.client());
    another_device_is_revoked(&alice, &shop.device());
    alice_signs_out(&alice, &shop.client());
}

fn a_visitor_fills_the_cart(visitor: &Curl) {
    let response = visitor.get("/cart").send();
    assert_eq!((response.status, response.json()), (200, json!({})));
    assert_eq!(response.header("set-cookie"), None, "nothing is stored yet");
    assert_eq!(visitor.get("/me").send().status, 401);

    for (quantity, total) in [(2, 2), (1, 3)] {
        let tea = json!({ "item": "tea", "quantity": quantity });
        let added = visitor.post("/cart").json(&tea).send();
        assert_eq!((added.status, added.json()), (200, json!({ "tea": total })));
    }
    assert!(visitor.cookie().is_some());
}

fn alice_signs_in(alice: &Curl) {
    let as_visitor = alice.cookie();
    let wrong = alice.login("alice", "builder");
    assert_eq!((wrong.status, &*wrong.error()), (401, "wrong username or password"));
    let mut schemes = wrong.headers("www-authenticate");
    schemes.sort_unstable();
    assert_eq!(schemes, [r#"Bearer realm="api""#, "Session"]);
    assert_eq!((alice.cookie(), alice.get("/me").send().status), (as_visitor.clone(), 401));

    let login = alice.login("alice", "wonderland");
    assert_eq!(login.status, 200);
    assert_eq!(login.header("cache-control"), Some("no-store"));
    assert_ne!(alice.cookie(), as_visitor);
    let (welcome, me) = (login.json(), alice.get("/me").send());
    assert_eq!((&welcome["subject"], &welcome["roles"]), (&json!("alice"), &json!(["buyer"])));
    assert_eq!(me.status, 200);
    let me = me.json();
    assert_eq!((&me["subject"], &me["display_name"]), (&json!("alice"), &json!("Alice")));
    assert_eq!((&me["scheme"], &me["sign_in"]), (&json!("session"), &welcome["sign_in"]));

    assert_eq!(alice.get("/cart").send().json(), json!({ "tea": 3 }), "the cart is kept");
    let devices = alice.get("/devices").send().json();
    assert_eq!(devices.as_array().unwrap().len(), 1);
    assert_eq!(devices[0]["sign_in"], welcome["sign_in"]);
    assert_eq!(devices[0]["current"], true);
    assert!(devices[0]["user_agent"].as_str().unwrap().starts_with("curl/"), "{devices}");
    let address = devices[0]["address"].as_str().unwrap();
    assert!(["127.0.0.1", "::1"].contains(&address), "{address}");
}

fn only_bob_is_an_admin(alice: &Curl, bob: &Curl) {
    let forbidden = alice.get("/admin").send();
    assert_eq!((forbidden.status, &*forbidden.error()), (403, "forbidden"));
    assert_eq!(bob.get("/admin").send().status, 401);
    assert_eq!(bob.login("bob", "builder").status, 200);
    let admitted = bob.get("/admin").send();
    assert_eq!((admitted.status, admitted.json()), (200, json!({ "message": "Bob may see this" })));
}

fn a_refresh_replaces_the_secret(alice: &Curl, thief: &Curl) {
    let old = alice.cookie().unwrap();
    let sign_in = alice.get("/me").send().json()["sign_in"].clone();
    let refreshed = alice.post("/refresh").send();
    assert_eq!((refreshed.status, refreshed.json()), (200, json!({ "sign_in": &sign_in })));
    assert_ne!(alice.cookie().unwrap(), old);
    assert_eq!(alice.get("/me").send().status, 200);
    assert_eq!(thief.get("/me").header(&old).send().status, 200, "for ten seconds");

    let login = alice.login("alice", "wonderland");
    assert_eq!((login.status, &login.json()["sign_in"]), (200, &sign_in));
    assert_eq!(thief.get("/me").header(&old).send().status, 401, "a sign-in has no grace");
}

fn another_device_is_revoked(alice: &Curl, phone: &Curl) {
    let login = json!({ "username": "alice", "password": "wonderland", "label": "phone" });
    let sign_in = phone.post("/login").json(&login).send().json()["sign_in"].clone();
    let devices = alice.get("/devices").send().json();
    let labels: Vec<_> = devices.as_array().unwrap().iter().map(|one| &one["label"]).collect();
    assert!(labels.len() == 2 && labels.contains(&&json!("phone")), "{labels:?}");

    let path = format!("/devices/{}", sign_in.as_str().unwrap());
    let end = |curl: &Curl| curl.delete(&path).send();
    assert_eq!(status_and_body(&end(alice)), (204, ""));
    assert_eq!(phone.get("/me").send().status, 401);
    assert_eq!(end(alice).status, 404, "it has already ended");
    assert_eq!(alice.delete("/devices/nonsense").send().status, 404);
    assert_eq!(alice.get("/devices").send().json().as_array().unwrap().len(), 1);
}

fn alice_signs_out(alice: &Curl, thief: &Curl) {
    let old = alice.cookie().unwrap();
    let out = alice.post("/logout").send();
    assert_eq!(status_and_body(&out), (204, ""));
    assert_eq!(out.header("clear-site-data"), Some(r#""cache", "storage""#));
    assert_eq!(alice.cookie(), None, "the cookie was removed");
    assert_eq!(alice.get("/me").send().status, 401);
    assert_eq!(thief.get("/me").header(&old).send().status, 401);
    assert_eq!(alice.get("/cart").send().json(), json!({}));
}

fn status_and_body(response: &Response) -> (u16, &str) {
    (response.status, &response.body)
}
