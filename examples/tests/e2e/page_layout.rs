//! The shop's page on screens of each size, with the keyboard, and as a screen reader hears it. Also takes
//! the pictures of the documentation.

use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::harness::{Browser, Display, Shop, until};

/// The limit of a picture in the repository, in bytes.
const MAX_PICTURE: usize = 150_000;

/// Opens the page, and waits until its first requests, as many as this, have been answered.
fn open(browser: &Browser, shop: &Shop, requests: usize) {
    browser.go(&shop.url("/"));
    let answered =
        format!("return document.querySelectorAll('#requests > li').length === {requests}");
    until("the requests have been answered", || (browser.script(&answered) == true).then_some(()));
}

/// Returns a browser that shows the page to a visitor.
fn visitor(shop: &Shop, display: Display) -> Browser {
    let browser = Browser::start_with(display);
    open(&browser, shop, 3); // the user, a refresh, the cart
    browser
}

/// Returns a browser that shows the page to a user with one item in the cart.
fn signed_in(shop: &Shop, display: Display) -> Browser {
    let browser = visitor(shop, display);
    browser.type_into("#add [name=item]", "tea");
    browser.click("#add button");
    browser.wait_for_text("#cart", "1 × tea");
    browser.type_into("#login [name=label]", "Laptop at home");
    browser.sign_in("alice", "wonderland");
    browser.wait_for_text("#who", "Alice (buyer) is signed in.");
    open(&browser, shop, 4); // the user, the events, the cart, the devices
    browser
}

/// Also runs the comparison.
fn filled(shop: &Shop, display: Display) -> Browser {
    let browser = signed_in(shop, display);
    browser.click("#run-compare");
    let complete = "return document.querySelectorAll('#comparison td').length === 18";
    until("the table is complete", || (browser.script(complete) == true).then_some(()));
    browser
}

/// Returns the brightness of the page's background, from 0 to 255.
fn brightness(browser: &Browser) -> f64 {
    let script = "const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number); \
                  return (r + g + b) / 3";
    browser.script(script).as_f64().unwrap()
}

#[test]
fn the_page_fits_phones_and_desktops_in_light_and_dark() {
    let shop = Shop::start();
    for display in
        [Display::PHONE, Display::PHONE.dark(), Display::DESKTOP, Display::DESKTOP.dark()]
    {
        let browser = filled(&shop, display);
        let overflow = "return document.documentElement.scrollWidth - innerWidth";
        assert!(browser.script(overflow).as_i64().unwrap() <= 0, "{display:?}");
        assert_eq!(brightness(&browser) < 64.0, display.dark, "{display:?}");
        assert_eq!(brightness(&browser) > 192.0, !display.dark, "{display:?}");
    }
}

/// Marks the visible elements that the keyboard reaches with `data-tab`, in the order of the document.
const MARK: &str = "
    const all = document.querySelectorAll('a[href], button, input, summary, [tabindex=\"0\"]');
    const group = it => it.type === 'radio' && !it.checked;
    return Array.from(all).filter(it => it.checkVisibility() && !it.disabled && it.type !== 'hidden' && !group(it))
        .map((it, at) => it.dataset.tab = at).length;";

#[test]
fn the_keyboard_reaches_everything_in_the_order_of_the_page() {
    let shop = Shop::start();
    for browser in [visitor(&shop, Display::DESKTOP), signed_in(&shop, Display::DESKTOP)] {
        let count = browser.script(MARK).as_u64().unwrap();
        assert!(count > 20, "{count}");
        for expected in 0..count {
            browser.press_tab();
            let reached =
                "return document.activeElement.dataset.tab ?? document.activeElement.outerHTML";
            assert_eq!(browser.script(reached), Value::from(expected.to_string()));
        }
    }
}

#[test]
fn the_focus_goes_along_when_its_element_disappears() {
    let shop = Shop::start();
    let browser = visitor(&shop, Display::DESKTOP);
    let assert_focused = |id: &str| {
        let focused = || browser.script("return document.activeElement.id");
        until(&format!("`{id}` has the focus"), || (focused() == id).then_some(()));
    };
    assert_eq!(browser.script("return document.activeElement.localName"), "body");
    shop.device().login("alice", "wonderland"); // another device
    browser.sign_in("alice", "wonderland");
    assert_focused("account-title");
    browser.click("#devices li:not(.current) button");
    assert_focused("account-title");
    browser.click("#account form[action='/logout'] button");
    assert_focused("login-title");
    let role = "return document.querySelector('#who').getAttribute('role')";
    assert_eq!(browser.script(role), "status", "a screen reader says who is signed in");
}

#[test]
fn a_screen_reader_has_a_name_for_everything() {
    let shop = Shop::start();
    let browser = signed_in(&shop, Display::DESKTOP);
    let count = browser.script(MARK).as_u64().unwrap();
    for at in 0..count {
        let css = format!("[data-tab='{at}']");
        assert!(!browser.spoken_name(&css).trim().is_empty(), "{:?}", browser.text(&css));
    }
    for (css, name) in [
        ("#inspector", "Inspector"),
        ("#devices button", "End the sign-in of Laptop at home"),
        ("#attack-replay button", "Try it: Replay after sign-out"),
        ("#add [name=quantity]", "Quantity"),
    ] {
        assert_eq!(browser.spoken_name(css), name);
    }
    let levels =
        "return Array.from(document.querySelectorAll('h1, h2, h3'), it => it.localName).join(' ')";
    let levels = browser.script(levels);
    let levels = levels.as_str().unwrap();
    assert!(levels.starts_with("h1 h2") && !levels.contains("h1 h3"), "{levels}");
}

/// Returns a script that opens the inspector's entry of this request, and scrolls the page to an element.
fn show(request: &str, element: &str) -> String {
    format!(
        "const entries = Array.from(document.querySelectorAll('#requests details'));
        entries.forEach(it => it.open = it.textContent.includes('{request}'));
        const list = document.querySelector('#requests');
        list.scrollTop = list.querySelector('[open]').offsetTop - list.offsetTop;
        document.querySelector('{element}').scrollIntoView()"
    )
}

/// Returns the folder of the pictures of the documentation.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images")
}

/// Returns a digest of the files of the page, which is kept beside the pictures.
fn page_digest() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shop/page");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read(file).unwrap());
    let digest =
        texts.fold(Sha256::new(), |digest, text| digest.chain_update(Sha256::digest(text)));
    format!("{}\n", BASE64_STANDARD.encode(digest.finalize()))
}

#[test]
fn the_pictures_of_the_documentation_show_the_present_page() {
    let current = fs::read_to_string(pictures().join("shop.digest")).unwrap_or_default();
    let writes = env::var_os("SHOP_PICTURES").is_some(); // at the same time, in another test
    let hint =
        "the page has changed: run `SHOP_PICTURES=1 tests/run pictures`, and look at docs/images";
    assert!(writes || current == page_digest(), "{hint}");
}

/// Writes the pictures of the documentation if `SHOP_PICTURES` is set, and always checks that they can be
/// taken and are small.
#[test]
fn the_pictures_of_the_documentation_are_small() {
    let shop = Shop::start();
    let folder = pictures();
    let desktop = Display { width: 1140, height: 740, dark: false };
    for (name, display, show) in [
        ("shop-light.png", desktop, show("GET /compare/jwt/me", "header")),
        ("shop-dark.png", desktop.dark(), show("GET /compare/jwt/me", "#compare")),
        ("shop-phone.png", Display::PHONE, show("GET /compare/cookie/me", "#inspector")),
    ] {
        let browser = filled(&shop, display);
        browser.script(&show);
        let picture = browser.screenshot();
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
        assert!(picture.len() < MAX_PICTURE, "{name}: {} bytes", picture.len());
        if env::var_os("SHOP_PICTURES").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(name), picture).unwrap();
        }
        browser.click("#account form[action='/logout'] button");
        browser.wait_for_text("#who", "Not signed in.");
    }
    if env::var_os("SHOP_PICTURES").is_some() {
        fs::write(folder.join("shop.digest"), page_digest()).unwrap();
    }
}
