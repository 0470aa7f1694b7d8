//! Sessions for clients that are no browsers: the secret in a token instead of a cookie.

use serde_json::json;

use crate::harness::{Answer, Curl, Shop};

fn shop() -> Shop {
    Shop::start_with(&["--auth", "session"])
}

fn login(client: &Curl) -> Answer {
    let login = json!({ "username": "alice", "password": "wonderland", "credential": "token" });
    client.post("/login").json(&login).send()
}

/// The token in the body; there must be no cookie beside it.
fn token(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("set-cookie")), (200, None));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    let seconds = body["expires_in"].as_u64().unwrap();
    assert!((86_000..=86_400).contains(&seconds), "a day since the sign-in: {seconds}");
    body["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_is_as_good_as_a_cookie_until_it_is_replaced_or_given_up() {
    let shop = shop();
    let client = shop.client();
    let first = token(&login(&client));
    let me = |token: &str| client.get("/me").bearer(token).send();
    assert_eq!(me(&first).json()["subject"], "alice");

    let second = token(&client.post("/refresh").bearer(&first).send());
    assert_eq!((me(&first).status, me(&second).status), (401, 200));
    assert_ne!(first, second);

    assert_eq!(client.post("/logout").bearer(&second).send().status, 204);
    let refused = me(&second);
    assert_eq!(refused.status, 401);
    let challenge = refused.headers("www-authenticate");
    assert!(challenge.iter().any(|one| one.contains(r#"error="invalid_token""#)), "{challenge:?}");
}

#[test]
fn sec_43_a_token_in_the_url_is_ignored() {
    let shop = shop();
    let client = shop.client();
    let token = token(&login(&client));
    for name in ["access_token", "token", "session"] {
        assert_eq!(client.get(&format!("/me?{name}={token}")).send().status, 401, "{name}");
    }
    assert_eq!(client.get("/me?access_token=x").bearer(&token).send().status, 200);
}

#[test]
fn sec_81_a_token_is_no_cookie_and_a_cookie_no_token() {
    let shop = shop();
    let (client, device) = (shop.client(), shop.device());
    let token = token(&login(&client));
    let as_cookie = format!("cookie: session={token}");
    assert_eq!(client.get("/me").header(&as_cookie).send().status, 401);
    device.login("alice", "wonderland");
    let cookie = device.cookie().unwrap();
    let secret = cookie.strip_prefix("cookie: session=").unwrap();
    assert_eq!(client.get("/me").bearer(secret).send().status, 401);
    assert_eq!(client.get("/me").bearer(&format!("ses_{secret}")).send().status, 401);
}
