//! Pages of other sites in Chromium: their forms and scripts cannot sign users in or out.

use serde_json::Value;

use crate::harness::{Browser, OtherSite, Shop};

const ALICE: [(&str, &str); 2] = [("username", "alice"), ("password", "wonderland")];
const BOB: &str = "Bob (admin) is signed in.";

/// Runs the test with each kind of shop that sets cookies.
fn for_each_kind(test: impl Fn(&Browser, &Shop)) {
    for auth in ["both", "jwt"] {
        test(&Browser::start(), &Shop::start_with(&["--auth", auth]));
    }
}

/// Signs Bob in on the shop's own page.
fn sign_in(browser: &Browser, shop: &Shop) {
    browser.go(&shop.url("/"));
    browser.sign_in("bob", "builder");
    browser.wait_for_text("#who", BOB);
}

/// Opens the shop's page again, and waits until it shows Bob.
fn assert_still_bob(browser: &Browser, shop: &Shop) {
    browser.go(&shop.url("/"));
    browser.wait_for_text("#who", BOB);
}

/// Sends a form with Alice's password from another site, and returns the status of the response.
fn submit(browser: &Browser, shop: &Shop, path: &str) -> Value {
    let action = shop.url(path);
    browser.submit_from(&OtherSite::with_form(&action, &ALICE), &action)
}

#[test]
fn sec_82_a_form_of_another_site_cannot_sign_a_visitor_in() {
    for_each_kind(|browser, shop| {
        assert_eq!(submit(browser, shop, "/login"), 403);
        assert!(browser.cookies().is_empty());
        browser.go(&shop.url("/"));
        for call in ["fetch('/me')", "fetch('/refresh', { method: 'POST' })"] {
            assert_eq!(browser.script(&format!("return {call}.then(r => r.status)")), 401);
        }
    });
}

#[test]
fn sec_82_a_form_of_another_site_cannot_replace_a_user() {
    for_each_kind(|browser, shop| {
        sign_in(browser, shop);
        assert_eq!(submit(browser, shop, "/login"), 403);
        assert_still_bob(browser, shop);
    });
}

/// A script of another site can send simple requests, which need no preflight.
#[test]
fn sec_39_82_a_script_of_another_site_cannot_sign_out() {
    for_each_kind(|browser, shop| {
        sign_in(browser, shop);
        let site = OtherSite::with_form(&shop.url("/logout"), &[]);
        browser.go(&site.url);
        for path in ["/logout", "/logout-others", "/logout-everywhere", "/refresh"] {
            let url = shop.url(path);
            let init = "{ method: 'POST', mode: 'no-cors', credentials: 'include' }";
            let kind = browser.script(&format!("return fetch('{url}', {init}).then(r => r.type)"));
            assert_eq!(kind, "opaque", "{path}");
        }
        assert_still_bob(browser, shop);
    });
}

/// The browser omits the `SameSite` cookie, so the request looks like the logout of a visitor. The
/// response still reaches the user's browser, so it must not contain `Clear-Site-Data`.
#[test]
fn sec_39_82_a_form_of_another_site_cannot_sign_out() {
    for_each_kind(|browser, shop| {
        sign_in(browser, shop);
        browser.script("localStorage.setItem('draft', 'kept')");
        assert_eq!(submit(browser, shop, "/logout"), 403);
        assert_still_bob(browser, shop);
        assert_eq!(browser.script("return localStorage.getItem('draft')"), "kept");
    });
}
