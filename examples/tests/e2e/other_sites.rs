//! Pages of other sites in a real browser: what they send to the shop changes nothing.

use serde_json::Value;

use crate::harness::{Browser, Shop, Site, until};

const ALICE: [(&str, &str); 2] = [("username", "alice"), ("password", "wonderland")];

fn who(browser: &Browser) -> Value {
    browser.script("return fetch('/me').then(answer => answer.ok ? answer.json() : {})")["subject"]
        .take()
}

/// Signs in from the shop's own page.
fn sign_in(browser: &Browser, shop: &Shop) {
    browser.go(&shop.url("/"));
    browser.write("#login [name=username]", "bob");
    browser.write("#login [name=password]", "builder");
    browser.click("#login button");
    browser.reads("#who", "Bob (admin) is signed in.");
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
    let shop = Shop::start();
    let browser = Browser::start();
    assert_eq!(send_form(&browser, &shop, "/login"), 403);
    assert!(browser.cookies().is_empty());
    browser.go(&shop.url("/"));
    assert_eq!(who(&browser), Value::Null);
}

#[test]
fn sec_82_the_form_of_another_site_does_not_replace_a_user() {
    let shop = Shop::start();
    let browser = Browser::start();
    sign_in(&browser, &shop);
    assert_eq!(send_form(&browser, &shop, "/login"), 403);
    browser.go(&shop.url("/"));
    assert_eq!(who(&browser), "bob");
}

/// It may send scripted requests too, of the kind that needs no preflight.
#[test]
fn sec_39_82_the_script_of_another_site_signs_nobody_out() {
    let shop = Shop::start();
    let browser = Browser::start();
    sign_in(&browser, &shop);
    let site = Site::with_form(&shop.url("/logout"), &[]);
    browser.go(&site.url);
    for path in ["/logout", "/logout-others", "/logout-everywhere", "/refresh"] {
        let url = shop.url(path);
        let init = "{ method: 'POST', mode: 'no-cors', credentials: 'include' }";
        let sent = browser.script(&format!("return fetch('{url}', {init}).then(a => a.type)"));
        assert_eq!(sent, "opaque", "{path}");
    }
    browser.go(&shop.url("/"));
    assert_eq!(who(&browser), "bob");
}

/// The browser leaves the `SameSite=Lax` cookie out, so the shop sees a visitor who signs out. What
/// it says to that is for the browser, which has a user: `Clear-Site-Data` must not be in it.
#[test]
fn sec_39_82_the_form_of_another_site_signs_nobody_out() {
    let shop = Shop::start();
    let browser = Browser::start();
    sign_in(&browser, &shop);
    browser.script("localStorage.setItem('draft', 'kept')");
    assert_eq!(send_form(&browser, &shop, "/logout"), 403);
    browser.go(&shop.url("/"));
    assert_eq!(who(&browser), "bob");
    assert_eq!(browser.script("return localStorage.getItem('draft')"), "kept");
}
