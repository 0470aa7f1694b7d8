//! The shop's page in a real browser.

use serde_json::json;

use crate::harness::{Browser, Shop, until};

const NOBODY: &str = "Not signed in.";
const ALICE: &str = "Alice (buyer) is signed in.";

fn add_to_cart(browser: &Browser, item: &str, cart: &str) {
    browser.write("#add [name=item]", item);
    browser.click("#add button");
    browser.reads("#cart", cart);
}

#[test]
fn a_visitor_shops_signs_in_and_out() {
    let shop = Shop::start();
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    browser.reads("#who", NOBODY);
    assert!(browser.sees("#login") && !browser.sees("#account"));
    add_to_cart(&browser, "tea", "1 × tea");

    browser.write("#login [name=username]", "alice");
    browser.write("#login [name=password]", "builder");
    browser.click("#login button");
    browser.reads("#message", "wrong username or password");
    browser.reads("#who", NOBODY);

    // The page empties the form when it is done.
    let empty = "return document.querySelector('#login [name=username]').value === ''";
    until("the form is empty", || (browser.script(empty) == true).then_some(()));
    sign_in(&browser);
    browser.reads("#cart", "1 × tea");
    assert!(!browser.sees("#login") && browser.sees("#account"));
    let rows = "return Array.from(document.querySelectorAll('#devices li'), row => row.className)";
    until("this device is listed", || (browser.script(rows) == json!(["current"])).then_some(()));
    let device = browser.text("#devices li");
    assert!(device.starts_with("laptop, "), "{device}");

    browser.go(&shop.url("/"));
    browser.reads("#who", ALICE);
    browser.click("#account form[action='/logout'] button");
    browser.reads("#who", NOBODY);
    browser.reads("#cart", "");
    assert!(browser.cookies().is_empty());
}

fn sign_in(browser: &Browser) {
    browser.write("#login [name=username]", "alice");
    browser.write("#login [name=password]", "wonderland");
    browser.write("#login [name=label]", "laptop");
    browser.click("#login button");
    browser.reads("#who", ALICE);
}

#[test]
fn sec_28_scripts_do_not_see_the_cookie() {
    let shop = Shop::start();
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    sign_in(&browser);
    assert_eq!(browser.script("return document.cookie"), "");
    let cookies = browser.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert_eq!((&cookies[0]["httpOnly"], &cookies[0]["sameSite"]), (&true.into(), &"Lax".into()));
    assert_eq!(cookies[0]["path"], "/");
}

#[test]
fn by_tokens_alone_the_page_works_and_stays_signed_in() {
    let shop = Shop::start_with(&["--auth", "jwt"]);
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    until("a visitor has no cart", || (!browser.sees("#add")).then_some(()));
    assert!(browser.sees("#login") && !browser.sees("#account"));
    assert_eq!((browser.text("#who"), browser.text("#message")), (NOBODY.into(), String::new()));

    sign_in(&browser);
    until("a user has a cart", || browser.sees("#add").then_some(()));
    add_to_cart(&browser, "tea", "1 × tea");
    browser.go(&shop.url("/"));
    browser.reads("#who", ALICE);
    browser.reads("#cart", "1 × tea");
    browser.click("#account form[action='/refresh'] button");
    add_to_cart(&browser, "milk", "1 × milk\n1 × tea");
    assert_eq!(browser.text("#message"), "");

    browser.click("#account form[action='/logout'] button");
    browser.reads("#who", NOBODY);
    assert!(browser.cookies().is_empty());
    browser.go(&shop.url("/"));
    browser.reads("#who", NOBODY);
}

#[test]
fn by_tokens_alone_the_page_goes_on_when_its_token_has_ended() {
    let shop = Shop::start_with(&["--auth", "jwt", "--access", "1"]);
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    sign_in(&browser);
    for (pots, cart) in ["1 × tea", "2 × tea", "3 × tea"].iter().enumerate() {
        until("the token has ended", || {
            let ended = browser.script(
                "return fetch('/me', { headers: { authorization: `Bearer ${token}` } })\
                 .then(answer => answer.status === 401)",
            );
            (ended == true).then_some(())
        });
        browser.script("document.querySelector('#add').reset()");
        add_to_cart(&browser, "tea", cart);
        assert_eq!(browser.text("#message"), "", "{pots}");
    }
    browser.reads("#who", ALICE);
}

#[test]
fn sec_28_scripts_do_not_see_the_cookie_that_refreshes_tokens() {
    let shop = Shop::start_with(&["--auth", "jwt"]);
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    sign_in(&browser);
    assert_eq!(browser.script("return document.cookie"), "");
    let cookies = browser.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let (name, same_site) = (&cookies[0]["name"], &cookies[0]["sameSite"]);
    assert_eq!((name, same_site), (&"refresh".into(), &"Strict".into()));
    assert_eq!(cookies[0]["httpOnly"], true);
    let kept = "return JSON.stringify([{ ...localStorage }, { ...sessionStorage }])";
    assert_eq!(browser.script(kept), "[{},{}]");
}
