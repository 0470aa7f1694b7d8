//! Sessions for clients that are not browsers: the secret is a bearer token instead of a cookie.

use serde_json::json;

use crate::harness::{Curl, Response, Shop};

fn shop() -> Shop {
    Shop::start_with(&["--auth", "session"])
}

fn login(client: &Curl) -> Response {
    let login = json!({ "username": "alice", "password": "wonderland", "credential": "token" });
    client.post("/login").json(&login).send()
}

/// Returns the token in the body. Checks that the response sets no cookie.
fn token(response: &Response) -> String {
    assert_eq!((response.status, response.header("set-cookie")), (200, None));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let body = response.json();
    assert_eq!(body["token_type"], "Bearer");
    let seconds = body["expires_in"].as_u64().unwrap();
    assert!((86_000..=86_400).contains(&seconds), "a day from the sign-in: {seconds}");
    body["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_authenticates_until_a_refresh_or_logout() {
    let shop = shop();
    let client = shop.client();
    let first = token(&login(&client));
    let me = |token: &str| client.get("/me").bearer(token).send();
    assert_eq!(me(&first).json()["subject"], "alice");

    let second = token(&client.post("/refresh").bearer(&first).send());
    assert_eq!((me(&first).status, me(&second).status), (401, 200));
    assert_ne!(first, second);

    assert_eq!(client.post("/logout").bearer(&second).send().status, 204);
    let rejected = me(&second);
    assert_eq!(rejected.status, 401);
    let challenge = rejected.headers("www-authenticate");
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
fn sec_81_tokens_and_cookies_are_not_interchangeable() {
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
