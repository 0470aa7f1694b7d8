//! What the shop's cookie looks like.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::{Answer, Shop};

/// The name of the cookie, and its attributes in lower case.
fn set_cookie(answer: &Answer) -> (String, BTreeSet<String>) {
    let line = answer.header("set-cookie").unwrap();
    let mut parts = line.split("; ");
    let (name, _) = parts.next().unwrap().split_once('=').unwrap();
    (name.to_owned(), parts.map(str::to_ascii_lowercase).collect())
}

fn attributes(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|&one| one.to_owned()).collect()
}

#[test]
fn sec_25_27_28_the_cookie_is_for_this_host_alone_over_tls_and_not_for_scripts() {
    let shop = Shop::start_with(&["--behind-tls"]);
    let expected = attributes(&["secure", "httponly", "samesite=lax", "path=/"]);
    let (name, found) = set_cookie(&shop.client().login("alice", "wonderland"));
    assert!(name.starts_with("__Host-"), "{name}");
    assert_eq!(found, expected);
    let tea = json!({ "item": "tea", "quantity": 1 });
    let visitor = set_cookie(&shop.client().post("/cart").json(&tea).send());
    assert_eq!(visitor, (name, expected), "visitors, too");
}

#[test]
fn sec_25_27_28_the_cookie_that_refreshes_tokens_comes_from_no_other_site_at_all() {
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
fn sec_27_28_without_tls_the_cookie_is_still_not_for_scripts_or_other_sites() {
    let shop = Shop::start();
    let (_, found) = set_cookie(&shop.client().login("alice", "wonderland"));
    assert_eq!(found, attributes(&["httponly", "samesite=lax", "path=/"]));
}

#[test]
fn sec_23_the_cookie_outlives_the_browser_only_if_asked() {
    for auth in ["session", "jwt"] {
        let shop = Shop::start_with(&["--absolute", "100", "--auth", auth]);
        let login = |remember: bool| {
            let login = json!({ "username": "bob", "password": "builder", "remember": remember });
            set_cookie(&shop.client().post("/login").json(&login).send()).1
        };
        let lasts = |found: BTreeSet<String>| {
            found.iter().find_map(|one| one.strip_prefix("max-age=")?.parse::<u32>().ok())
        };
        assert_eq!(lasts(login(false)), None, "{auth}");
        let secs = lasts(login(true)).unwrap();
        assert!((90..=100).contains(&secs), "{auth}: {secs}");
    }
}

#[test]
fn sec_34_two_cookies_of_one_name_count_as_none() {
    let shop = Shop::start();
    let device = shop.device();
    device.login("alice", "wonderland");
    let cookie = device.cookie().unwrap();
    let client = shop.client();
    assert_eq!(client.get("/me").header(&cookie).send().status, 200);
    assert_eq!(client.get("/me").header(&format!("{cookie}; session=x")).send().status, 401);
}
