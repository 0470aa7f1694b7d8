//! Tokens alone: how the next access token is had.

use serde_json::json;

use crate::harness::{Curl, Shop, Tokens, until_rarely};

fn shop() -> Shop {
    Shop::start_with(&["--auth", "jwt"])
}

fn refresh(client: &Curl, token: &str) -> Tokens {
    Tokens::of(&client.post("/refresh").json(&json!({ "refresh_token": token })).send())
}

fn refused(client: &Curl, token: &str) -> u16 {
    client.post("/refresh").json(&json!({ "refresh_token": token })).send().status
}

fn me(client: &Curl, tokens: &Tokens) -> u16 {
    client.get("/me").bearer(&tokens.access).send().status
}

#[test]
fn the_cookie_brings_a_new_pair() {
    let shop = shop();
    let alice = shop.device();
    let first = Tokens::of_alice(&alice);
    let old = alice.cookie();
    let second = Tokens::of(&alice.post("/refresh").send());
    assert_ne!(first.access, second.access);
    assert_eq!(second.refresh, None, "it stays where scripts do not see it");
    assert_ne!(alice.cookie(), old);
    assert_eq!(me(&alice, &second), 200);
    let same = |tokens: &Tokens| {
        let me = alice.get("/me").bearer(&tokens.access).send().json();
        (me["sign_in"].clone(), me["authenticated_at"].clone())
    };
    assert_eq!(same(&first), same(&second), "the sign-in goes on");
}

#[test]
fn a_client_without_cookies_keeps_the_refresh_token_itself() {
    let shop = shop();
    let client = shop.device();
    let first = Tokens::of_alice_in_the_body(&client);
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
fn asking_for_the_body_takes_the_cookie_of_before_away() {
    let shop = shop();
    let client = shop.device();
    let before = Tokens::of_alice(&client);
    assert_eq!(client.cookie_names(), ["refresh"]);
    let after = Tokens::of_alice_in_the_body(&client);
    assert_eq!(client.cookie(), None);
    assert_eq!((me(&client, &before), me(&client, &after)), (401, 200));
}

#[test]
fn whoever_lost_the_answer_asks_again() {
    let shop = shop();
    let client = shop.client();
    let lost = Tokens::of_alice_in_the_body(&client);
    let once = refresh(&client, lost.refresh());
    let again = refresh(&client, lost.refresh());
    assert_eq!(once.refresh(), again.refresh());
    assert_eq!(me(&client, &again), 200);
}

#[test]
fn a_refresh_token_in_two_hands_ends_the_sign_in() {
    let shop = shop();
    let (alice, thief) = (shop.client(), shop.client());
    let stolen = Tokens::of_alice_in_the_body(&alice);
    let newer = refresh(&alice, stolen.refresh());
    let newest = refresh(&alice, newer.refresh());
    assert_eq!(me(&alice, &newest), 200);
    assert_eq!(refused(&thief, stolen.refresh()), 401);
    assert_eq!(me(&alice, &newest), 401, "whoever was the thief");
    assert_eq!(refused(&alice, newest.refresh()), 401);
}

#[test]
fn sec_81_each_token_is_good_for_one_thing() {
    let shop = shop();
    let client = shop.client();
    let tokens = Tokens::of_alice_in_the_body(&client);
    assert_eq!(client.get("/me").bearer(tokens.refresh()).send().status, 401);
    assert_eq!(refused(&client, &tokens.access), 401);
    let secret = tokens.refresh().strip_prefix("ref_").unwrap();
    assert_eq!(refused(&client, secret), 401);
    assert_eq!(refused(&client, &format!("ses_{secret}")), 401);
    let as_cookie = format!("cookie: refresh={}", tokens.access);
    assert_eq!(client.post("/refresh").header(&as_cookie).send().status, 401);
    assert_eq!(client.post("/refresh").bearer(&tokens.access).send().status, 401);
    assert_eq!(me(&client, &refresh(&client, tokens.refresh())), 200, "it did no harm");
}

#[test]
fn a_new_token_may_do_less_and_never_more() {
    let shop = shop();
    let client = shop.client();
    let all = Tokens::of_alice_in_the_body(&client);
    assert_eq!(all.scope.as_deref(), Some("cart devices"));
    let ask = |tokens: &Tokens, scope: &str| {
        let form = [("refresh_token", tokens.refresh()), ("scope", scope)];
        client.post("/refresh").form(&form).send()
    };
    assert_eq!(ask(&all, "cart admin").status, 400);
    let less = Tokens::of(&ask(&all, "cart"));
    assert_eq!(less.scope.as_deref(), Some("cart"));
    assert_eq!(client.get("/me").bearer(&less.access).send().json()["scopes"], json!(["cart"]));
    assert_eq!(client.get("/cart").bearer(&less.access).send().status, 200);
    let devices = client.get("/devices").bearer(&less.access).send();
    assert_eq!(devices.status, 403);
    let challenge = devices.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
    let again = refresh(&client, less.refresh());
    assert_eq!(client.get("/devices").bearer(&again.access).send().status, 200, "it was asked for");
}

#[test]
fn a_body_that_says_nothing_is_none() {
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
fn sec_38_82_another_site_refreshes_nothing() {
    let shop = shop();
    let alice = shop.device();
    Tokens::of_alice(&alice);
    let old = alice.cookie();
    for path in ["/refresh", "/logout"] {
        for header in ["origin: https://evil.example", "sec-fetch-site: cross-site"] {
            let answer = alice.post(path).header(header).send();
            assert_eq!((answer.status, alice.cookie()), (403, old.clone()), "{path} {header}");
        }
    }
    Tokens::of(&alice.post("/refresh").send());
}

#[test]
fn a_sign_in_that_is_not_used_ends() {
    let shop = Shop::start_with(&["--auth", "jwt", "--access", "1", "--refresh", "1"]);
    let alice = shop.device();
    Tokens::of_alice(&alice);
    let refused = until_rarely("the sign-in has ended", || {
        let answer = alice.post("/refresh").send();
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(refused.status, 401);
}
