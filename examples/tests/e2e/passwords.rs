//! Guessing passwords: the limit, and what responses reveal.

use serde_json::json;

use crate::harness::Shop;

#[test]
fn sec_69_after_ten_wrong_passwords_the_next_attempt_must_wait() {
    let shop = Shop::start();
    let client = shop.client();
    // A minute of the clock may end meanwhile.
    let guesses = (0..20).map(|guess: u32| client.login("alice", &guess.to_string()).status);
    let allowed = guesses.take_while(|status| *status == 401).count();
    assert!((10..20).contains(&allowed), "{allowed}");
    let throttled = client.login("alice", "wonderland");
    assert_eq!((throttled.status, throttled.header("set-cookie")), (429, None));
    assert_eq!(throttled.error(), "too many attempts: try again later");
    let wait: u32 = throttled.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[test]
fn sec_70_an_unknown_user_and_a_wrong_password_look_alike() {
    let shop = Shop::start();
    let client = shop.client();
    let as_json = |username| client.login(username, "guess");
    let as_token = |username| {
        let body = json!({ "username": username, "password": "guess", "credential": "token" });
        client.post("/login").json(&body).send()
    };
    let as_form = |username| {
        let fields = [("username", username), ("password", "guess"), ("next", "/cart")];
        client.post("/login").form(&fields).send()
    };
    for login in [&as_json as &dyn Fn(_) -> _, &as_token, &as_form] {
        let (known, unknown) = (login("alice"), login("mallory"));
        assert_eq!(known.status, 401);
        assert_eq!(known.status, unknown.status);
        assert_eq!(known.body, unknown.body);
        assert_eq!(known.header_names(), unknown.header_names());
        assert_eq!(known.headers("www-authenticate"), unknown.headers("www-authenticate"));
    }
}
