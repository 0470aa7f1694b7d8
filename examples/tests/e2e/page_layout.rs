//! The shop's page on screens of each size, with the keyboard, and as a screen reader hears it. Also takes
//! the pictures of the documentation.

use std::path::Path;
use std::{env, fs};

use serde_json::Value;

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
    const all = document.querySelectorAll('a[href], button, input, summary, [tabindex]');
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

/// Opens the inspector's entry of a request with a JWT.
const SHOW_TOKEN: &str = "
    const entries = Array.from(document.querySelectorAll('#requests details'));
    entries.forEach(it => it.open = it.textContent.includes('GET /compare/jwt/me'));
    const list = document.querySelector('#requests');
    list.scrollTop = list.querySelector('[open]').offsetTop - list.offsetTop;
    scrollTo(0, 0)";
const SHOW_COMPARISON: &str = "document.querySelector('#compare').scrollIntoView()";
const SHOW_TOP: &str = "scrollTo(0, 0)";

/// Writes the pictures of the documentation if `SHOP_PICTURES` is set, and always checks that they can be
/// taken and are small.
#[test]
fn the_pictures_of_the_documentation_are_small() {
    let shop = Shop::start();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    let desktop = Display { width: 1140, height: 740, dark: false };
    for (name, display, show) in [
        ("shop-light.png", desktop, SHOW_TOKEN),
        ("shop-dark.png", desktop.dark(), SHOW_COMPARISON),
        ("shop-phone.png", Display::PHONE, SHOW_TOP),
    ] {
        let browser = filled(&shop, display);
        browser.script(show);
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
}
