//! What the page shows by itself: that its sign-in has ended, and that nobody knows whether it has.

use crate::harness::{Browser, Service, Shop, Tokens};

const ALICE: &str = "Alice (buyer) is signed in.";
const AWAY: &str = "The shop is not available. Trying again.";

fn signed_in(shop: &Shop) -> Browser {
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    browser.write("#login [name=username]", "alice");
    browser.write("#login [name=password]", "wonderland");
    browser.click("#login button");
    browser.reads("#who", ALICE);
    browser
}

/// Ends the sign-in of the page from another device, and it says so.
fn is_told(browser: &Browser, shop: &Shop) {
    let token = format!("authorization: Bearer {}", Tokens::of_alice(&shop.client()).access);
    assert_eq!(shop.client().post("/logout-others").header(&token).send().status, 204);
    browser.reads("#message", "This sign-in has ended: revoked.");
    browser.reads("#who", "Not signed in.");
    assert!(browser.sees("#login") && !browser.sees("#account"));
}

#[test]
fn the_page_says_that_its_sign_in_was_ended_elsewhere() {
    for kind in ["session", "jwt"] {
        let shop = Shop::start_with(&["--auth", kind]);
        is_told(&signed_in(&shop), &shop);
    }
}

fn is_away(browser: &Browser) {
    browser.reads("#message", AWAY);
    assert_eq!(browser.text("#who"), ALICE, "nobody is signed out by it");
    assert!(browser.sees("#account") && !browser.sees("#login"));
}

fn is_back(browser: &Browser) {
    browser.reads("#message", "");
    assert_eq!(browser.text("#who"), ALICE);
}

#[test]
fn sec_76_the_page_signs_nobody_out_while_the_store_or_the_shop_is_away() {
    for options in [&["--auth", "session"], &["--auth", "jwt"]] {
        let mut service = Service::start(options);
        let mut shop = service.shop();
        let browser = signed_in(&shop);
        service.redis.kill();
        is_away(&browser);
        service.redis.start_again();
        is_back(&browser);
        shop.kill();
        is_away(&browser);
        shop.start_again();
        is_back(&browser);
        is_told(&browser, &shop); // it listens again
    }
}
