//! The shop's page in Chromium: signing in and out, and what it shows while the shop is not available.

use serde_json::{Value, json};

use crate::harness::{Browser, Server as _, Service, Shop, Tokens, until};

const VISITOR: &str = "Not signed in.";
const ALICE: &str = "Alice (buyer) is signed in.";
const AWAY: &str = "The shop is not available. Trying again.";

/// Opens the shop's page.
fn open(shop: &Shop) -> Browser {
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    browser
}

fn sign_in(browser: &Browser) {
    browser.type_into("#login [name=label]", "laptop");
    browser.sign_in("alice", "wonderland");
    browser.wait_for_text("#who", ALICE);
}

fn signed_in(shop: &Shop) -> Browser {
    let browser = open(shop);
    sign_in(&browser);
    browser
}

fn add_to_cart(browser: &Browser, item: &str, cart: &str) {
    browser.type_into("#add [name=item]", item);
    browser.click("#add button");
    browser.wait_for_text("#cart", cart);
}

#[test]
fn a_visitor_fills_the_cart_and_signs_in_and_out() {
    let shop = Shop::start();
    let browser = open(&shop);
    browser.wait_for_text("#who", VISITOR);
    assert!(browser.is_visible("#login") && !browser.is_visible("#account"));
    add_to_cart(&browser, "tea", "1 × tea");

    browser.sign_in("alice", "builder");
    browser.wait_for_text("#message", "wrong username or password");
    browser.wait_for_text("#who", VISITOR);

    // The page clears the form when it has the response.
    let empty = "return document.querySelector('#login [name=username]').value === ''";
    until("the form is empty", || (browser.script(empty) == true).then_some(()));
    sign_in(&browser);
    browser.wait_for_text("#cart", "1 × tea");
    assert!(!browser.is_visible("#login") && browser.is_visible("#account"));
    let rows = "return Array.from(document.querySelectorAll('#devices li'), row => row.className)";
    until("this device is listed", || (browser.script(rows) == json!(["current"])).then_some(()));
    let device = browser.text("#devices li");
    assert!(device.starts_with("laptop, "), "{device}");

    browser.go(&shop.url("/"));
    browser.wait_for_text("#who", ALICE);
    browser.click("#account form[action='/logout'] button");
    browser.wait_for_text("#who", VISITOR);
    browser.wait_for_text("#cart", "");
    assert!(browser.cookies().is_empty());
}

/// Returns the only cookie of a signed-in browser. Checks that scripts cannot read it.
fn hidden_cookie(browser: &Browser) -> Value {
    assert_eq!(browser.script("return document.cookie"), "");
    let mut cookies = browser.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert_eq!(cookies[0]["httpOnly"], true);
    cookies.remove(0)
}

#[test]
fn sec_28_scripts_cannot_read_the_session_cookie() {
    let shop = Shop::start();
    let cookie = hidden_cookie(&signed_in(&shop));
    assert_eq!((&cookie["sameSite"], &cookie["path"]), (&"Lax".into(), &"/".into()));
}

#[test]
fn sec_28_scripts_cannot_read_the_refresh_cookie() {
    let shop = Shop::start_with(&["--auth", "jwt"]);
    let browser = signed_in(&shop);
    let cookie = hidden_cookie(&browser);
    assert_eq!((&cookie["name"], &cookie["sameSite"]), (&"refresh".into(), &"Strict".into()));
    let stored = "return JSON.stringify([{ ...localStorage }, { ...sessionStorage }])";
    assert_eq!(browser.script(stored), "[{},{}]");
}

#[test]
fn with_tokens_the_page_stays_signed_in_after_a_reload() {
    let shop = Shop::start_with(&["--auth", "jwt"]);
    let browser = open(&shop);
    until("the cart is hidden", || (!browser.is_visible("#add")).then_some(()));
    assert!(browser.is_visible("#login") && !browser.is_visible("#account"));
    assert_eq!((browser.text("#who"), browser.text("#message")), (VISITOR.into(), String::new()));

    sign_in(&browser);
    until("the cart is visible", || browser.is_visible("#add").then_some(()));
    add_to_cart(&browser, "tea", "1 × tea");
    browser.go(&shop.url("/"));
    browser.wait_for_text("#who", ALICE);
    browser.wait_for_text("#cart", "1 × tea");
    browser.click("#account form[action='/refresh'] button");
    add_to_cart(&browser, "milk", "1 × milk\n1 × tea");
    assert_eq!(browser.text("#message"), "");

    browser.click("#account form[action='/logout'] button");
    browser.wait_for_text("#who", VISITOR);
    assert!(browser.cookies().is_empty());
    browser.go(&shop.url("/"));
    browser.wait_for_text("#who", VISITOR);
}

#[test]
fn with_tokens_the_page_refreshes_an_expired_token() {
    let shop = Shop::start_with(&["--auth", "jwt", "--access", "1"]);
    let browser = signed_in(&shop);
    for (round, cart) in ["1 × tea", "2 × tea", "3 × tea"].iter().enumerate() {
        until("the token has expired", || {
            let expired = browser.script(
                "return fetch('/me', { headers: { authorization: `Bearer ${token}` } })\
                 .then(response => response.status === 401)",
            );
            (expired == true).then_some(())
        });
        browser.script("document.querySelector('#add').reset()");
        add_to_cart(&browser, "tea", cart);
        assert_eq!(browser.text("#message"), "", "{round}");
    }
    browser.wait_for_text("#who", ALICE);
}

/// Ends the sign-in of the page from another device, and waits until the page shows it.
fn assert_shows_the_end(browser: &Browser, shop: &Shop) {
    let credential = Tokens::of_alice(&shop.client()).header();
    assert_eq!(shop.post("/logout-others", &credential), 204);
    browser.wait_for_text("#message", "This sign-in has ended: revoked.");
    browser.wait_for_text("#who", VISITOR);
    assert!(browser.is_visible("#login") && !browser.is_visible("#account"));
}

#[test]
fn the_page_shows_that_another_device_has_ended_its_sign_in() {
    for kind in ["session", "jwt"] {
        let shop = Shop::start_with(&["--auth", kind]);
        assert_shows_the_end(&signed_in(&shop), &shop);
    }
}

fn assert_shows_an_outage(browser: &Browser) {
    browser.wait_for_text("#message", AWAY);
    assert_eq!(browser.text("#who"), ALICE, "an outage signs no user out");
    assert!(browser.is_visible("#account") && !browser.is_visible("#login"));
}

fn assert_recovers(browser: &Browser) {
    browser.wait_for_text("#message", "");
    assert_eq!(browser.text("#who"), ALICE);
}

#[test]
fn sec_76_the_page_stays_signed_in_while_the_store_or_the_shop_is_down() {
    for options in [&["--auth", "session"], &["--auth", "jwt"]] {
        let mut service = Service::redis(options);
        let mut shop = service.shop();
        let browser = signed_in(&shop);
        service.server.kill();
        assert_shows_an_outage(&browser);
        service.server.restart();
        assert_recovers(&browser);
        shop.kill();
        assert_shows_an_outage(&browser);
        shop.restart();
        assert_recovers(&browser);
        assert_shows_the_end(&browser, &shop); // the event stream is open again
    }
}
