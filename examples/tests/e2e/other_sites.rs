//! Pages of other sites in a real browser: what they send to the shop changes nothing.

use serde_json::Value;

use crate::harness::{Browser, Shop, Site, until};

const ALICE: [(&str, &str); 2] = [("username", "alice"), ("password", "wonderland")];
const BOB: &str = "Bob (admin) is signed in.";

/// A shop of each kind that signs in by cookies, and a browser.
fn each(test: impl Fn(&Browser, &Shop)) {
    for auth in ["both", "jwt"] {
        test(&Browser::start(), &Shop::start_with(&["--auth", auth]));
    }
}

/// Signs in from the shop's own page.
fn sign_in(browser: &Browser, shop: &Shop) {
    browser.go(&shop.url("/"));
    browser.write("#login [name=username]", "bob");
    browser.write("#login [name=password]", "builder");
    browser.click("#login button");
    browser.reads("#who", BOB);
}

/// Who the user is for the shop's own page, which asks the shop again.
fn still(browser: &Browser, shop: &Shop, who: &str) {
    browser.go(&shop.url("/"));
    browser.reads("#who", who);
}

/// Sends the form of the other site, and says with which status the shop answered.
fn send_form(browser: &Browser, shop: &Shop, path: &str) -> Value {
    let site = Site::with_form(&shop.url(path), &ALICE);
    browser.go(&site.url);
    browser.click("button");
    until("the shop has answered", || {
        (browser.script("return location.href") == *shop.url(path)).then_some(())
    });
    browser.script("return performance.getEntriesByType('navigation')[0].responseStatus")
}

#[test]
fn sec_82_the_form_of_another_site_signs_nobody_in() {
    each(|browser, shop| {
        assert_eq!(send_form(browser, shop, "/login"), 403);
        assert!(browser.cookies().is_empty());
        browser.go(&shop.url("/"));
        for call in ["fetch('/me')", "fetch('/refresh', { method: 'POST' })"] {
            assert_eq!(browser.script(&format!("return {call}.then(a => a.status)")), 401);
        }
    });
}

#[test]
fn sec_82_the_form_of_another_site_does_not_replace_a_user() {
    each(|browser, shop| {
        sign_in(browser, shop);
        assert_eq!(send_form(browser, shop, "/login"), 403);
        still(browser, shop, BOB);
    });
}

/// It may send scripted requests too, of the kind that needs no preflight.
#[test]
fn sec_39_82_the_script_of_another_site_signs_nobody_out() {
    each(|browser, shop| {
        sign_in(browser, shop);
        let site = Site::with_form(&shop.url("/logout"), &[]);
        browser.go(&site.url);
        for path in ["/logout", "/logout-others", "/logout-everywhere", "/refresh"] {
            let url = shop.url(path);
            let init = "{ method: 'POST', mode: 'no-cors', credentials: 'include' }";
            let sent = browser.script(&format!("return fetch('{url}', {init}).then(a => a.type)"));
            assert_eq!(sent, "opaque", "{path}");
        }
        still(browser, shop, BOB);
    });
}

/// The browser leaves the `SameSite` cookie out, so the shop sees a visitor who signs out. What it
/// says to that is for the browser, which has a user: `Clear-Site-Data` must not be in it.
#[test]
fn sec_39_82_the_form_of_another_site_signs_nobody_out() {
    each(|browser, shop| {
        sign_in(browser, shop);
        browser.script("localStorage.setItem('draft', 'kept')");
        assert_eq!(send_form(browser, shop, "/logout"), 403);
        still(browser, shop, BOB);
        assert_eq!(browser.script("return localStorage.getItem('draft')"), "kept");
    });
}
