//! What headers and methods do, and do not.

use crate::harness::Shop;

#[test]
fn sec_40_sign_out_and_refresh_are_not_reached_by_get() {
    let shop = Shop::start();
    let alice = shop.device();
    alice.login("alice", "wonderland");
    let cookie = alice.cookie();
    for path in ["/logout", "/refresh", "/logout-others", "/logout-everywhere"] {
        let answer = alice.get(path).send();
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{path}");
        assert_eq!(answer.error(), "method not allowed");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
    assert_eq!((alice.get("/me").send().status, alice.cookie()), (200, cookie));
}

#[test]
fn sec_46_strict_transport_security_is_sent_behind_tls_alone() {
    let tls = Shop::start_with(&["--behind-tls"]);
    let plain = Shop::start();
    for (path, status) in [("/", 200), ("/healthz", 200), ("/me", 401), ("/nothing", 404)] {
        let answer = tls.client().get(path).send();
        assert_eq!(answer.status, status, "{path}");
        let hsts = answer.header("strict-transport-security").unwrap();
        let age = hsts.split(';').find_map(|part| part.trim().strip_prefix("max-age=")).unwrap();
        assert!(age.parse::<u32>().unwrap() >= 31_536_000, "{path}: {hsts}");
        let answer = plain.client().get(path).send();
        assert_eq!(answer.header("strict-transport-security"), None, "{path}");
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
fn every_error_is_json_and_no_answer_is_kept_on_the_way() {
    let shop = Shop::start();
    let client = shop.client();
    let answers = [
        (404, client.get("/nothing").send()),
        (415, client.post("/login").header("content-type: text/plain").send()),
        (400, client.post("/login").form(&[("username", "alice")]).send()),
        (413, client.post("/login").form(&[("username", &"x".repeat(20_000))]).send()),
        (422, client.post("/cart").form(&[("item", "tea"), ("quantity", "0")]).send()),
        (401, client.get("/me").header("authorization: Basic YTpi").send()),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(!answer.error().is_empty());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}
