//! Access tokens of a shop that issues only tokens: what they allow, and how they end.

use serde_json::{Value, json};

use crate::harness::{Response, Shop, Tokens, until};

fn shop() -> Shop {
    Shop::start_with(&["--auth", "jwt"])
}

fn assert_invalid_token(response: &Response) {
    assert_eq!(response.status, 401);
    let challenges = response.headers("www-authenticate");
    let invalid = challenges.iter().any(|one| one.contains(r#"error="invalid_token""#));
    assert!(invalid, "{challenges:?}");
}

#[test]
fn a_login_returns_an_access_token_and_sets_a_refresh_cookie() {
    let shop = shop();
    let alice = shop.device();
    let login = alice.login("alice", "wonderland");
    let tokens = Tokens::of(&login);
    assert_eq!((tokens.expires_in, tokens.refresh), (300, None));
    assert_eq!(tokens.access.split('.').count(), 3);
    assert_eq!(alice.cookie_names(), ["refresh"]);

    let response = alice.get("/me").bearer(&tokens.access).send();
    assert!(response.headers("vary").concat().to_lowercase().contains("authorization"));
    let me = response.json();
    assert_eq!((&me["subject"], &me["display_name"]), (&json!("alice"), &json!("Alice")));
    assert_eq!((&me["scheme"], &me["roles"]), (&json!("jwt"), &json!(["buyer"])));
    let lasts = me["expires_at"].as_u64().unwrap() - me["authenticated_at"].as_u64().unwrap();
    assert!((300..=301).contains(&lasts), "{lasts}");
}

#[test]
fn the_refresh_cookie_alone_does_not_authenticate() {
    let shop = shop();
    let alice = shop.device();
    let tokens = Tokens::of_alice(&alice);
    for path in ["/me", "/cart", "/devices"] {
        let response = alice.get(path).send();
        assert_eq!(
            (response.status, response.headers("www-authenticate")),
            (401, vec![r#"Bearer realm="api""#])
        );
        assert_eq!(alice.get(path).bearer(&tokens.access).send().status, 200);
    }
}

#[test]
fn only_users_have_a_cart_and_it_survives_a_refresh() {
    let shop = shop();
    let alice = shop.device();
    let tea = json!({ "item": "tea", "quantity": 1 });
    assert_eq!(alice.get("/cart").send().status, 401);
    let added = alice.post("/cart").json(&tea).send();
    assert_eq!((added.status, added.header("set-cookie")), (401, None));

    let first = Tokens::of_alice(&alice);
    let added = alice.post("/cart").bearer(&first.access).json(&tea).send();
    assert_eq!((added.status, added.json()), (200, json!({ "tea": 1 })));
    let second = Tokens::of(&alice.post("/refresh").send());
    assert_eq!(alice.get("/cart").bearer(&second.access).send().json(), json!({ "tea": 1 }));
}

#[test]
fn a_foreign_or_altered_token_is_rejected() {
    let shop = shop();
    let client = shop.client();
    let token = Tokens::of_alice(&client).access;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let unsigned = "eyJhbGciOiJub25lIn0"; // {"alg":"none"}
    let foreign = Tokens::of_alice(&self::shop().client()).access;
    for forged in [
        format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        format!("{header}.{claims}."),
        format!("{unsigned}.{claims}."),
        format!("{unsigned}.{claims}.{signature}"),
        foreign,
        "a.b.c".to_owned(),
    ] {
        assert_invalid_token(&client.get("/me").bearer(&forged).send());
    }
    assert_eq!(client.get("/me").bearer(&token).send().status, 200);
}

#[test]
fn sec_43_an_access_token_in_the_url_or_in_a_cookie_is_ignored() {
    let shop = shop();
    let client = shop.client();
    let token = Tokens::of_alice(&client).access;
    for name in ["access_token", "token", "refresh"] {
        assert_eq!(client.get(&format!("/me?{name}={token}")).send().status, 401, "{name}");
        let cookie = format!("cookie: {name}={token}");
        assert_eq!(client.get("/me").header(&cookie).send().status, 401, "{name}");
    }
}

#[test]
fn a_logout_revokes_the_access_token_at_once() {
    let shop = shop();
    let alice = shop.device();
    let tokens = Tokens::of_alice(&alice);
    let out = alice.post("/logout").bearer(&tokens.access).send();
    assert_eq!((out.status, &*out.body), (204, ""));
    assert_eq!(out.header("clear-site-data"), Some(r#""cache", "storage""#));
    assert_eq!(alice.cookie(), None, "the cookie was removed");
    assert_invalid_token(&alice.get("/me").bearer(&tokens.access).send());
    assert_eq!(alice.post("/logout").send().status, 204, "a second logout succeeds");
}

#[test]
fn a_logout_with_only_the_cookie_revokes_the_access_token_too() {
    let shop = shop();
    let alice = shop.device();
    let tokens = Tokens::of_alice(&alice);
    assert_eq!(alice.post("/logout").send().status, 204);
    assert_invalid_token(&alice.get("/me").bearer(&tokens.access).send());
}

#[test]
fn devices_are_listed_and_can_be_revoked() {
    let shop = shop();
    let (laptop, phone, tablet) = (shop.client(), shop.client(), shop.client());
    let login = |label: &str| {
        let login = json!({ "username": "alice", "password": "wonderland", "label": label });
        Tokens::of(&laptop.post("/login").json(&login).send()).access
    };
    let tokens = ["laptop", "phone", "tablet"].map(login);
    let status = || {
        let [a, b, c] = &tokens;
        [(&laptop, a), (&phone, b), (&tablet, c)]
            .map(|(client, token)| client.get("/me").bearer(token).send().status)
    };
    let devices = || laptop.get("/devices").bearer(&tokens[0]).send().json();
    let labels = |devices: &Value| -> Vec<(String, bool)> {
        let devices = devices.as_array().unwrap().iter();
        devices.map(|one| (one["label"].as_str().unwrap().into(), one["current"] == true)).collect()
    };
    let listed = devices();
    let row = |label: &str, current| (label.to_owned(), current);
    assert_eq!(labels(&listed), [row("laptop", true), row("phone", false), row("tablet", false)]);

    let end = format!("/devices/{}", listed[1]["sign_in"].as_str().unwrap());
    assert_eq!(laptop.delete(&end).bearer(&tokens[0]).send().status, 204);
    assert_eq!(status(), [200, 401, 200]);
    assert_eq!(laptop.post("/logout-others").bearer(&tokens[0]).send().status, 204);
    assert_eq!(status(), [200, 401, 401]);
    assert_eq!(labels(&devices()), [row("laptop", true)]);
}

#[test]
fn a_logout_everywhere_revokes_all_tokens() {
    let shop = shop();
    let (here, there) = (shop.device(), shop.device());
    let (one, other) = (Tokens::of_alice(&here), Tokens::of_alice(&there));
    assert_eq!(here.post("/logout-everywhere").bearer(&one.access).send().status, 204);
    assert_invalid_token(&here.get("/me").bearer(&one.access).send());
    assert_invalid_token(&there.get("/me").bearer(&other.access).send());
    assert_eq!(there.post("/refresh").send().status, 401);
}

#[test]
fn an_expired_access_token_can_be_refreshed() {
    let shop = Shop::start_with(&["--auth", "jwt", "--access", "1"]);
    let alice = shop.device();
    let tokens = Tokens::of_alice(&alice);
    assert_eq!(tokens.expires_in, 1);
    let me = |token: &str| alice.get("/me").bearer(token).send();
    let refused = until("the token has expired", || {
        let response = me(&tokens.access);
        (response.status != 200).then_some(response)
    });
    assert_invalid_token(&refused);
    let refreshed = alice.post("/refresh").bearer(&tokens.access).send();
    assert_eq!(
        me(&Tokens::of(&refreshed).access).status,
        200,
        "the expired token in the request is ignored"
    );
}

#[test]
fn a_token_does_not_outlive_its_sign_in() {
    let shop = Shop::start_with(&["--auth", "jwt", "--absolute", "100"]);
    let seconds = Tokens::of_alice(&shop.client()).expires_in;
    assert!((90..=100).contains(&seconds), "{seconds}");
}
