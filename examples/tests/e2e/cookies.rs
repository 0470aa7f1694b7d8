//! The name and the attributes of the shop's cookies.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::{Response, Shop, alice};

/// Returns the name of the cookie that a response sets, and its attributes in lower case.
fn set_cookie(response: &Response) -> (String, BTreeSet<String>) {
    let line = response.header("set-cookie").unwrap();
    let mut parts = line.split("; ");
    let (name, _) = parts.next().unwrap().split_once('=').unwrap();
    (name.to_owned(), parts.map(str::to_ascii_lowercase).collect())
}

fn attributes(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn sec_25_27_28_behind_tls_the_session_cookie_is_host_only_secure_and_http_only() {
    let shop = Shop::start_with(&["--behind-tls"]);
    let expected = attributes(&["secure", "httponly", "samesite=lax", "path=/"]);
    let (name, found) = set_cookie(&shop.client().login("alice", "wonderland"));
    assert!(name.starts_with("__Host-"), "{name}");
    assert_eq!(found, expected);
    let tea = json!({ "item": "tea", "quantity": 1 });
    let visitor = set_cookie(&shop.client().post("/cart").json(&tea).send());
    assert_eq!(visitor, (name, expected), "the same for visitors");
}

#[test]
fn sec_25_27_28_the_refresh_cookie_is_same_site_strict() {
    let strict = ["httponly", "samesite=strict", "path=/"];
    let shop = Shop::start_with(&["--behind-tls", "--auth", "jwt"]);
    let (name, found) = set_cookie(&shop.client().login("alice", "wonderland"));
    assert!(name.starts_with("__Host-"), "{name}");
    assert_eq!(found, attributes(&[&strict[..], &["secure"]].concat()));
    let shop = Shop::start_with(&["--auth", "jwt"]);
    let (_, found) = set_cookie(&shop.client().login("alice", "wonderland"));
    assert_eq!(found, attributes(&strict));
}

#[test]
fn sec_27_28_without_tls_the_cookie_is_http_only_and_same_site_lax() {
    let shop = Shop::start();
    let (_, found) = set_cookie(&shop.client().login("alice", "wonderland"));
    assert_eq!(found, attributes(&["httponly", "samesite=lax", "path=/"]));
}

#[test]
fn sec_23_the_cookie_is_persistent_only_on_request() {
    for auth in ["session", "jwt"] {
        let shop = Shop::start_with(&["--absolute", "100", "--auth", auth]);
        let login = |remember: bool| {
            let login = json!({ "username": "bob", "password": "builder", "remember": remember });
            set_cookie(&shop.client().post("/login").json(&login).send()).1
        };
        let max_age = |found: BTreeSet<String>| {
            found.iter().find_map(|one| one.strip_prefix("max-age=")?.parse::<u32>().ok())
        };
        assert_eq!(max_age(login(false)), None, "{auth}");
        let secs = max_age(login(true)).unwrap();
        assert!((90..=100).contains(&secs), "{auth}: {secs}");
    }
}

#[test]
fn sec_34_duplicate_cookies_are_ignored() {
    let shop = Shop::start();
    let [cookie, _] = alice(&shop);
    assert_eq!(shop.get("/me", &cookie).status, 200);
    assert_eq!(shop.get("/me", &format!("{cookie}; session=x")).status, 401);
}
