//! Two shops behind a proxy that asks them in turn.

use std::collections::BTreeSet;

use auth_servers::Nginx;
use serde_json::json;

use crate::harness::{Answer, Browser, Curl, Events, Service, Shop, Site, Tokens, alice, until};

/// The shops end with it.
struct Front {
    nginx: Nginx,
    _service: Service,
    shops: [Shop; 2],
}

impl Front {
    fn start(options: &'static [&'static str]) -> Self {
        let service = Service::start(options);
        let shops = service.shops();
        let nginx = Nginx::in_front_of(&shops.each_ref().map(Shop::port));
        Self { nginx, _service: service, shops }
    }

    fn url(&self) -> String {
        format!("http://localhost:{}", self.nginx.port())
    }

    /// A client that keeps cookies.
    fn device(&self) -> Curl {
        Curl::with_jar(&self.url())
    }
}

fn put_tea(device: &Curl) -> Answer {
    device.post("/cart").json(&json!({ "item": "tea", "quantity": 1 })).send()
}

/// Asks until both shops have refused.
fn until_refused(device: &Curl, credential: &str) {
    let mut by = BTreeSet::new();
    until("both refuse", || {
        let answer = device.get("/me").header(credential).send();
        assert!([200, 401].contains(&answer.status), "{answer:?}");
        if answer.status == 401 {
            by.insert(answer.header("x-served-by").unwrap().to_owned());
        }
        (by.len() == 2).then_some(())
    });
}

#[test]
fn users_do_not_notice_which_shop_serves_them() {
    let front = Front::start(&[]);
    let (browser, mut by) = (front.device(), BTreeSet::new());
    for quantity in 1..=6 {
        let cart = put_tea(&browser); // a visitor's
        assert_eq!(cart.json(), json!({ "tea": quantity }));
        by.insert(cart.header("x-served-by").unwrap().to_owned());
    }
    assert_eq!(by.len(), 2, "{by:?}");
    assert_eq!(browser.login("alice", "wonderland").status, 200);
    for quantity in 7..=10 {
        assert_eq!(put_tea(&browser).json(), json!({ "tea": quantity }));
        assert_eq!(browser.get("/me").send().json()["scheme"], "session");
    }
    let old = browser.cookie().unwrap();
    assert_eq!(browser.post("/refresh").send().status, 200);
    until_refused(&Curl::new(&front.url()), &old);
    let new = browser.cookie().unwrap();
    assert_eq!(browser.post("/logout").send().status, 204);
    until_refused(&Curl::new(&front.url()), &new);
}

#[test]
fn tokens_are_issued_by_one_shop_and_refreshed_by_the_next() {
    let front = Front::start(&[]);
    let app = Curl::new(&front.url());
    let mut tokens = Tokens::of_alice_in_the_body(&app);
    for _ in 0..5 {
        let body = json!({ "refresh_token": tokens.refresh() });
        tokens = Tokens::of(&app.post("/refresh").json(&body).send());
        for _ in 0..2 {
            let me = app.get("/me").bearer(&tokens.access).send();
            assert_eq!((me.status, &me.json()["subject"]), (200, &json!("alice")));
        }
    }
    assert_eq!(app.post("/logout").bearer(&tokens.access).send().status, 204);
    until_refused(&app, &format!("authorization: Bearer {}", tokens.access));
}

/// The shop compares with the `Host` that reaches it, and with no header that a client may invent.
#[test]
fn sec_38_39_82_another_site_is_another_site_behind_a_proxy() {
    let front = Front::start(&[]);
    let browser = front.device();
    assert_eq!(browser.login("alice", "wonderland").status, 200);
    let own = format!("origin: {}", front.url());
    let tls = own.replace("http:", "https:");
    for (headers, expected) in [
        (vec![&*own], 200),
        (vec![&tls], 200), // TLS may end before
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

/// Which browsers that send no `Sec-Fetch-Site` notice, and nobody can use.
#[test]
fn sec_38_a_proxy_that_hides_the_host_makes_old_browsers_strangers() {
    let front = Front::start(&[]);
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

/// The shop is told on its command line that TLS ends before it, and believes no header.
#[test]
fn sec_25_46_what_a_request_says_of_tls_does_not_matter() {
    let front = Front::start(&["--behind-tls"]);
    let client = Curl::new(&front.url());
    for proto in ["http", "https", ""] {
        let login = json!({ "username": "alice", "password": "wonderland" });
        let forged = format!("x-forwarded-proto: {proto}");
        let answer = client.post("/login").json(&login).header(&forged).send();
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-session=") && cookie.contains("; Secure"), "{cookie}");
        assert!(answer.header("strict-transport-security").is_some());
    }
}

#[test]
fn sec_82_the_page_works_behind_a_proxy_and_another_site_does_nothing() {
    let front = Front::start(&[]);
    let browser = Browser::start();
    browser.go(&front.url());
    browser.write("#login [name=username]", "bob");
    browser.write("#login [name=password]", "builder");
    browser.click("#login button");
    let bob = "Bob (admin) is signed in.";
    browser.reads("#who", bob);
    let alice = [("username", "alice"), ("password", "wonderland")];
    for path in ["/login", "/logout"] {
        let action = format!("{}{path}", front.url());
        let site = Site::with_form(&action, &alice);
        browser.go(&site.url);
        browser.click("button");
        until("there is an answer", || {
            (browser.script("return location.href") == *action).then_some(())
        });
        let status = "return performance.getEntriesByType('navigation')[0].responseStatus";
        assert_eq!(browser.script(status), 403);
        browser.go(&front.url());
        browser.reads("#who", bob);
    }
}

/// Which may keep answers together, unless it is told not to: it reads that, and does not pass it on.
#[test]
fn events_come_through_a_proxy_at_once() {
    let front = Front::start(&[]);
    let shop = &front.shops[0];
    let direct = Events::open(shop, &alice(shop)[0]);
    assert!(direct.head.iter().any(|line| line == "x-accel-buffering: no"), "{:?}", direct.head);
    let app = Curl::new(&front.url());
    let token = Tokens::of_alice(&app).access;
    let credential = format!("authorization: Bearer {token}");
    let stream = Events::open_at(&format!("localhost:{}", front.nginx.port()), &credential);
    assert_eq!(app.post("/logout").header(&credential).send().status, 204);
    assert_eq!(stream.ended().as_deref(), Some("revoked"));
}
