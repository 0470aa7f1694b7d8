//! Refresh tokens of a shop that issues only tokens.

use serde_json::json;

use crate::harness::{Curl, Shop, Tokens, until_with_backoff};

fn shop() -> Shop {
    Shop::start_with(&["--auth", "jwt"])
}

fn refresh(client: &Curl, token: &str) -> Tokens {
    Tokens::of(&client.post("/refresh").json(&json!({ "refresh_token": token })).send())
}

fn refresh_status(client: &Curl, token: &str) -> u16 {
    client.post("/refresh").json(&json!({ "refresh_token": token })).send().status
}

fn me(client: &Curl, tokens: &Tokens) -> u16 {
    client.get("/me").bearer(&tokens.access).send().status
}

#[test]
fn the_refresh_cookie_returns_a_new_access_token() {
    let shop = shop();
    let alice = shop.device();
    let first = Tokens::of_alice(&alice);
    let old = alice.cookie();
    let second = Tokens::of(&alice.post("/refresh").send());
    assert_ne!(first.access, second.access);
    assert_eq!(second.refresh, None, "it stays in the cookie");
    assert_ne!(alice.cookie(), old);
    assert_eq!(me(&alice, &second), 200);
    let same = |tokens: &Tokens| {
        let me = alice.get("/me").bearer(&tokens.access).send().json();
        (me["sign_in"].clone(), me["authenticated_at"].clone())
    };
    assert_eq!(same(&first), same(&second), "the sign-in is the same");
}

#[test]
fn a_client_without_cookies_gets_the_refresh_token_in_the_body() {
    let shop = shop();
    let client = shop.device();
    let first = Tokens::of_alice_in_body(&client);
    assert_eq!(client.cookie(), None);
    assert!(first.refresh().starts_with("ref_"));
    let second = refresh(&client, first.refresh());
    let form = [("grant_type", "refresh_token"), ("refresh_token", second.refresh())];
    let third = Tokens::of(&client.post("/refresh").form(&form).send());
    assert_eq!((me(&client, &third), client.cookie()), (200, None));
    assert_ne!(first.refresh(), second.refresh());
    assert_ne!(second.refresh(), third.refresh());
}

#[test]
fn delivery_in_the_body_removes_an_earlier_cookie() {
    let shop = shop();
    let client = shop.device();
    let before = Tokens::of_alice(&client);
    assert_eq!(client.cookie_names(), ["refresh"]);
    let after = Tokens::of_alice_in_body(&client);
    assert_eq!(client.cookie(), None);
    assert_eq!((me(&client, &before), me(&client, &after)), (401, 200));
}

#[test]
fn a_lost_response_can_be_requested_again() {
    let shop = shop();
    let client = shop.client();
    let lost = Tokens::of_alice_in_body(&client);
    let once = refresh(&client, lost.refresh());
    let again = refresh(&client, lost.refresh());
    assert_eq!(once.refresh(), again.refresh());
    assert_eq!(me(&client, &again), 200);
}

#[test]
fn a_reused_refresh_token_ends_the_sign_in() {
    let shop = shop();
    let (alice, thief) = (shop.client(), shop.client());
    let stolen = Tokens::of_alice_in_body(&alice);
    let newer = refresh(&alice, stolen.refresh());
    let newest = refresh(&alice, newer.refresh());
    assert_eq!(me(&alice, &newest), 200);
    assert_eq!(refresh_status(&thief, stolen.refresh()), 401);
    assert_eq!(me(&alice, &newest), 401, "the sign-in has ended for both");
    assert_eq!(refresh_status(&alice, newest.refresh()), 401);
}

#[test]
fn sec_81_each_token_has_one_purpose() {
    let shop = shop();
    let client = shop.client();
    let tokens = Tokens::of_alice_in_body(&client);
    assert_eq!(client.get("/me").bearer(tokens.refresh()).send().status, 401);
    assert_eq!(refresh_status(&client, &tokens.access), 401);
    let secret = tokens.refresh().strip_prefix("ref_").unwrap();
    assert_eq!(refresh_status(&client, secret), 401);
    assert_eq!(refresh_status(&client, &format!("ses_{secret}")), 401);
    let as_cookie = format!("cookie: refresh={}", tokens.access);
    assert_eq!(client.post("/refresh").header(&as_cookie).send().status, 401);
    assert_eq!(client.post("/refresh").bearer(&tokens.access).send().status, 401);
    assert_eq!(
        me(&client, &refresh(&client, tokens.refresh())),
        200,
        "the attempts have no effect"
    );
}

#[test]
fn a_refresh_can_reduce_scopes_but_not_add_any() {
    let shop = shop();
    let client = shop.client();
    let all = Tokens::of_alice_in_body(&client);
    assert_eq!(all.scope.as_deref(), Some("cart devices"));
    let with_scope = |tokens: &Tokens, scope: &str| {
        let form = [("refresh_token", tokens.refresh()), ("scope", scope)];
        client.post("/refresh").form(&form).send()
    };
    assert_eq!(with_scope(&all, "cart admin").status, 400);
    let less = Tokens::of(&with_scope(&all, "cart"));
    assert_eq!(less.scope.as_deref(), Some("cart"));
    assert_eq!(client.get("/me").bearer(&less.access).send().json()["scopes"], json!(["cart"]));
    assert_eq!(client.get("/cart").bearer(&less.access).send().status, 200);
    let devices = client.get("/devices").bearer(&less.access).send();
    assert_eq!(devices.status, 403);
    let challenge = devices.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
    let again = refresh(&client, less.refresh());
    assert_eq!(client.get("/devices").bearer(&again.access).send().status, 200, "all scopes again");
}

#[test]
fn an_empty_body_is_ignored() {
    let shop = shop();
    let alice = shop.device();
    Tokens::of_alice(&alice);
    Tokens::of(&alice.post("/refresh").header("content-type: application/json").send());
    Tokens::of(&alice.post("/refresh").header("content-type: text/plain").send());
    Tokens::of(&alice.post("/refresh").json(&json!({})).send());
    let text = alice.post("/refresh").form(&[("scope", "cart")]);
    assert_eq!(text.header("content-type: text/plain").send().status, 415);
    assert_eq!(alice.post("/refresh").json(&json!({ "refresh_token": 1 })).send().status, 400);
}

#[test]
fn sec_38_82_another_site_cannot_refresh() {
    let shop = shop();
    let alice = shop.device();
    Tokens::of_alice(&alice);
    let old = alice.cookie();
    for path in ["/refresh", "/logout"] {
        for header in ["origin: https://evil.example", "sec-fetch-site: cross-site"] {
            let response = alice.post(path).header(header).send();
            assert_eq!((response.status, alice.cookie()), (403, old.clone()), "{path} {header}");
        }
    }
    Tokens::of(&alice.post("/refresh").send());
}

#[test]
fn an_idle_sign_in_ends() {
    let shop = Shop::start_with(&["--auth", "jwt", "--access", "1", "--refresh", "1"]);
    let alice = shop.device();
    Tokens::of_alice(&alice);
    let rejected = until_with_backoff("the sign-in has ended", || {
        let response = alice.post("/refresh").send();
        (response.status != 200).then_some(response)
    });
    assert_eq!(rejected.status, 401);
}
