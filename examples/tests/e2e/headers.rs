//! The headers of responses, the methods of routes, and headers of requests that must have no effect.

use crate::harness::Shop;

#[test]
fn sec_40_sign_out_and_refresh_reject_get() {
    let shop = Shop::start();
    let alice = shop.device();
    alice.login("alice", "wonderland");
    let cookie = alice.cookie();
    for path in ["/logout", "/refresh", "/logout-others", "/logout-everywhere"] {
        let response = alice.get(path).send();
        assert_eq!((response.status, response.header("allow")), (405, Some("POST")), "{path}");
        assert_eq!(response.error(), "method not allowed");
        assert_eq!(response.header("set-cookie"), None, "{path}");
    }
    assert_eq!((alice.get("/me").send().status, alice.cookie()), (200, cookie));
}

#[test]
fn sec_46_hsts_is_sent_only_behind_tls() {
    let tls = Shop::start_with(&["--behind-tls"]);
    let plain = Shop::start();
    for (path, status) in [("/", 200), ("/healthz", 200), ("/me", 401), ("/nothing", 404)] {
        let response = tls.client().get(path).send();
        assert_eq!(response.status, status, "{path}");
        let hsts = response.header("strict-transport-security").unwrap();
        let age = hsts.split(';').find_map(|part| part.trim().strip_prefix("max-age=")).unwrap();
        assert!(age.parse::<u32>().unwrap() >= 31_536_000, "{path}: {hsts}");
        let response = plain.client().get(path).send();
        assert_eq!(response.header("strict-transport-security"), None, "{path}");
    }
}

#[test]
fn sec_47_a_header_that_names_a_user_is_ignored() {
    let shop = Shop::start();
    let (visitor, alice) = (shop.client(), shop.device());
    alice.login("alice", "wonderland");
    for name in ["X-User-Id", "X-Forwarded-User", "X-Remote-User", "Remote-User"] {
        let bob = format!("{name}: bob");
        assert_eq!(visitor.get("/me").header(&bob).send().status, 401, "{name}");
        assert_eq!(visitor.get("/admin").header(&bob).send().status, 401, "{name}");
        assert_eq!(alice.get("/me").header(&bob).send().json()["subject"], "alice", "{name}");
        assert_eq!(alice.get("/admin").header(&bob).send().status, 403, "{name}");
    }
}

#[test]
fn errors_are_json_and_responses_are_not_cached() {
    let shop = Shop::start();
    let client = shop.client();
    let responses = [
        (404, client.get("/nothing").send()),
        (415, client.post("/login").header("content-type: text/plain").send()),
        (400, client.post("/login").form(&[("username", "alice")]).send()),
        (413, client.post("/login").form(&[("username", &"x".repeat(20_000))]).send()),
        (422, client.post("/cart").form(&[("item", "tea"), ("quantity", "0")]).send()),
        (401, client.get("/me").header("authorization: Basic YTpi").send()),
    ];
    for (status, response) in responses {
        assert_eq!(response.status, status, "{response:?}");
        assert!(!response.error().is_empty());
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
}
