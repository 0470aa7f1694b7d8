//! Two shops behind nginx, which forwards requests to each in turn.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::{
    BehindNginx, Browser, Curl, Events, OtherSite, Response, Tokens, alice, bearer, until,
};

fn add_tea(device: &Curl) -> Response {
    device.post("/cart").json(&json!({ "item": "tea", "quantity": 1 })).send()
}

/// Sends requests until both shops have rejected the credential.
fn until_rejected(device: &Curl, credential: &str) {
    let mut shops = BTreeSet::new();
    until("both shops reject", || {
        let response = device.get("/me").header(credential).send();
        assert!([200, 401].contains(&response.status), "{response:?}");
        if response.status == 401 {
            shops.insert(response.header("x-served-by").unwrap().to_owned());
        }
        (shops.len() == 2).then_some(())
    });
}

#[test]
fn a_session_is_valid_whichever_shop_serves_it() {
    let front = BehindNginx::start(&[]);
    let (browser, mut shops) = (front.device(), BTreeSet::new());
    for quantity in 1..=6 {
        let cart = add_tea(&browser); // as a visitor
        assert_eq!(cart.json(), json!({ "tea": quantity }));
        shops.insert(cart.header("x-served-by").unwrap().to_owned());
    }
    assert_eq!(shops.len(), 2, "{shops:?}");
    assert_eq!(browser.login("alice", "wonderland").status, 200);
    for quantity in 7..=10 {
        assert_eq!(add_tea(&browser).json(), json!({ "tea": quantity }));
        assert_eq!(browser.get("/me").send().json()["scheme"], "session");
    }
    let old = browser.cookie().unwrap();
    assert_eq!(browser.post("/refresh").send().status, 200);
    until_rejected(&Curl::new(&front.url()), &old);
    let new = browser.cookie().unwrap();
    assert_eq!(browser.post("/logout").send().status, 204);
    until_rejected(&Curl::new(&front.url()), &new);
}

#[test]
fn a_token_is_valid_and_refreshed_whichever_shop_serves_it() {
    let front = BehindNginx::start(&[]);
    let app = Curl::new(&front.url());
    let mut tokens = Tokens::of_alice_in_body(&app);
    for _ in 0..5 {
        tokens = Tokens::of(&tokens.send_refresh(&app));
        for _ in 0..2 {
            let me = app.get("/me").bearer(&tokens.access).send();
            assert_eq!((me.status, &me.json()["subject"]), (200, &json!("alice")));
        }
    }
    assert_eq!(app.post("/logout").bearer(&tokens.access).send().status, 204);
    until_rejected(&app, &tokens.header());
}

/// The shop compares `Origin` with the `Host` that it receives. It ignores `X-Forwarded-*`, which any
/// client can send.
#[test]
fn sec_38_39_82_cross_site_requests_are_rejected_behind_a_proxy() {
    let front = BehindNginx::start(&[]);
    let browser = front.device();
    assert_eq!(browser.login("alice", "wonderland").status, 200);
    let own = format!("origin: {}", front.url());
    let tls = own.replace("http:", "https:");
    for (headers, expected) in [
        (vec![&*own], 200),
        (vec![&tls], 200), // TLS may be terminated by the proxy
        (vec!["sec-fetch-site: same-origin"], 200),
        (vec!["origin: https://evil.example"], 403),
        (vec!["origin: https://evil.example", "x-forwarded-host: evil.example"], 403),
        (vec!["origin: https://evil.example", "x-forwarded-proto: https"], 403),
        (vec!["origin: null"], 403),
        (vec!["sec-fetch-site: cross-site", &own], 403),
        (vec!["sec-fetch-site: same-site"], 403),
    ] {
        let tea = json!({ "item": "tea", "quantity": 1 });
        let cart =
            headers.iter().fold(browser.post("/cart").json(&tea), |call, one| call.header(one));
        assert_eq!(cart.send().status, expected, "{headers:?}");
        let login = json!({ "username": "alice", "password": "wonderland" });
        let login = Curl::new(&front.url()).post("/login").json(&login);
        let login = headers.iter().fold(login, |call, one| call.header(one));
        assert_eq!(login.send().status, expected, "{headers:?}");
    }
    assert_eq!(browser.get("/me").send().status, 200);
}

/// Old browsers send no `Sec-Fetch-Site`, so their own requests are rejected, too. Attackers gain nothing.
#[test]
fn sec_38_behind_a_proxy_that_renames_the_host_only_fetch_metadata_is_trusted() {
    let front = BehindNginx::start(&[]);
    let url = format!("http://localhost:{}", front.nginx.renaming_port());
    let browser = Curl::with_jar(&url);
    assert_eq!(browser.login("alice", "wonderland").status, 200);
    let own = browser.post("/logout").header(&format!("origin: {url}")).send();
    assert_eq!(own.status, 403);
    let evil = ["origin: https://evil.example", "sec-fetch-site: cross-site"];
    for header in evil {
        assert_eq!(browser.post("/logout").header(header).send().status, 403);
    }
    assert_eq!(browser.get("/me").send().status, 200);
    let modern = browser.post("/logout").header("sec-fetch-site: same-origin");
    assert_eq!(modern.header(&format!("origin: {url}")).send().status, 204);
}

/// The command line tells the shop that the proxy terminates TLS. Headers of requests do not.
#[test]
fn sec_25_46_forwarded_headers_do_not_affect_the_cookie() {
    let front = BehindNginx::start(&["--behind-tls"]);
    let client = Curl::new(&front.url());
    for proto in ["http", "https", ""] {
        let login = json!({ "username": "alice", "password": "wonderland" });
        let forged = format!("x-forwarded-proto: {proto}");
        let response = client.post("/login").json(&login).header(&forged).send();
        let cookie = response.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-session=") && cookie.contains("; Secure"), "{cookie}");
        assert!(response.header("strict-transport-security").is_some());
    }
}

#[test]
fn sec_82_forms_of_other_sites_are_rejected_behind_a_proxy() {
    let front = BehindNginx::start(&[]);
    let browser = Browser::start();
    browser.go(&front.url());
    browser.sign_in("bob", "builder");
    let bob = "Bob (admin) is signed in.";
    browser.wait_for_text("#who", bob);
    let alice = [("username", "alice"), ("password", "wonderland")];
    for path in ["/login", "/logout"] {
        let action = format!("{}{path}", front.url());
        let site = OtherSite::with_form(&action, &alice);
        assert_eq!(browser.submit_from(&site, &action), 403);
        browser.go(&front.url());
        browser.wait_for_text("#who", bob);
    }
}

/// The response disables the buffer of nginx with a header that nginx does not forward.
#[test]
fn events_pass_the_proxy_without_delay() {
    let front = BehindNginx::start(&[]);
    let shop = &front.shops[0];
    let direct = Events::open(shop, &alice(shop)[0]);
    assert!(direct.head.iter().any(|line| line == "x-accel-buffering: no"), "{:?}", direct.head);
    let app = Curl::new(&front.url());
    let token = Tokens::of_alice(&app).access;
    let credential = bearer(&token);
    let stream = Events::open_at(&format!("localhost:{}", front.nginx.port()), &credential);
    assert_eq!(app.post("/logout").header(&credential).send().status, 204);
    assert_eq!(stream.ended().as_deref(), Some("revoked"));
}
