//! The inspector of the shop's page: what it shows about requests, the comparison, and the attacks.

use serde_json::{Value, json};

use crate::harness::{Browser, CACHE_MODES, Curl, Response, Service, Shop, Tokens, until};

const KINDS: [&str; 3] = ["cookie", "opaque", "jwt"];

/// Opens the shop's page, and waits for the inspector.
fn open(shop: &Shop) -> Browser {
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    until("the inspector is visible", || browser.is_visible("#inspector").then_some(()));
    browser
}

fn sign_in(browser: &Browser, label: &str) {
    browser.type_into("#login [name=label]", label);
    browser.sign_in("alice", "wonderland");
    browser.wait_for_text("#who", "Alice (buyer) is signed in.");
}

/// Returns the text of all elements that match.
fn texts(browser: &Browser, css: &str) -> Vec<String> {
    let script =
        format!("return Array.from(document.querySelectorAll('{css}'), it => it.textContent)");
    serde_json::from_value(browser.script(&script)).unwrap()
}

/// Waits for the entry of a request, and returns its text.
fn entry(browser: &Browser, request: &str) -> String {
    until(&format!("`{request}` is listed"), || {
        let mut entries = texts(browser, "#requests li details").into_iter();
        entries.find(|entry| entry.contains(request))
    })
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn the_inspector_shows_a_sign_in_by_cookie() {
    let shop = Shop::start();
    let browser = open(&shop);
    let visitor = entry(&browser, "GET /me");
    assert_contains(
        &visitor,
        &["401", "No cookie and no token", "The request identifies no user."],
    );
    sign_in(&browser, "laptop");
    let login = entry(&browser, "POST /login");
    assert_contains(&login, &["200", "create", "memory store", "Sets the cookie session of 86 B"]);
    assert_contains(&login, &["HttpOnly; SameSite=Lax; Path=/"]);
    let devices = entry(&browser, "GET /devices");
    assert_contains(
        &devices,
        &["Cookie session of 86 B", "This is alice (buyer)", "no round trip"],
    );
    let cookies = browser.cookies();
    let (secret, page) = (cookies[0]["value"].as_str().unwrap(), &texts(&browser, "html")[0]);
    assert!(!page.contains(secret), "the page shows the secret of the cookie");
}

#[test]
fn the_inspector_decodes_the_tokens_of_the_page() {
    let shop = Shop::start_with(&["--auth", "jwt"]);
    let browser = open(&shop);
    sign_in(&browser, "laptop");
    let devices = entry(&browser, "GET /devices");
    assert_contains(&devices, &["JWT of", "alg: EdDSA", "sub: alice", r#"roles: ["buyer"]"#]);
    assert_contains(&devices, &["This is alice (buyer), who sent the jwt credential"]);

    let shop = Shop::start_with(&["--auth", "session"]);
    let browser = open(&shop);
    browser.click("#credential [value=token]");
    sign_in(&browser, "phone");
    let devices = entry(&browser, "GET /devices");
    assert_contains(&devices, &["Opaque token of 90 B", "This is alice (buyer)"]);
    browser.click("#account form[action='/logout'] button");
    browser.wait_for_text("#who", "Not signed in.");
}

#[test]
fn the_comparison_shows_each_request_under_each_kind() {
    for auth in ["both", "session", "jwt"] {
        let shop = Shop::start_with(&["--auth", auth]);
        let browser = open(&shop);
        browser.click("#run-compare");
        until("the table is complete", || {
            (texts(&browser, "#comparison td").len() == 18).then_some(())
        });
        let statuses = "return Array.from(document.querySelectorAll('#comparison td[data-status]'), \
                        it => it.dataset.status)";
        let row = |status: &'static str| [status; 3];
        let expected = [row("200"), row("200"), row("200"), row("200"), row("204")].concat();
        assert_eq!(browser.script(statuses), json!(expected), "{auth}");
        let cells = texts(&browser, "#comparison td");
        assert_contains(&cells[3], &["86 B", "no store call"]);
        assert_contains(&cells[4], &["90 B", "no store call"]);
        let jwt: u32 = cells[5].split(" B").next().unwrap().parse().unwrap();
        assert!(jwt > 400 && cells[5].contains("no store call"), "{cells:?}");
        for kind in KINDS {
            let login = entry(&browser, &format!("POST /compare/{kind}/login"));
            assert_contains(&login, &["200", "create"]);
        }
    }
}

/// Starts an attack, and returns the statuses of its steps once its outcome is known.
fn attack(browser: &Browser, name: &str) -> Vec<String> {
    browser.click(&format!("#attack-{name} button"));
    outcome(browser, name)
}

fn outcome(browser: &Browser, name: &str) -> Vec<String> {
    let outcome = format!("#attack-{name} .outcome");
    until("the outcome is known", || (!browser.text(&outcome).is_empty()).then_some(()));
    let text = browser.text(&outcome);
    assert!(text.starts_with("The shop held. "), "{name}: {text}");
    texts(browser, &format!("#attack-{name} .story .status-code"))
}

#[test]
fn each_attack_is_refused_and_explained() {
    for auth in ["both", "session"] {
        let shop = Shop::start_with(&["--auth", auth]);
        let browser = open(&shop);
        sign_in(&browser, "laptop");
        assert_eq!(attack(&browser, "replay"), ["200", "204", "401", "200", "204", "401"]);
        assert_eq!(attack(&browser, "stolen-refresh"), ["200", "200", "200", "401", "401"]);
        assert_contains(&entry(&browser, "refresh token reused; sign-in ended"), &["401"]);
        assert_eq!(attack(&browser, "tampered"), ["403", "401"]);
        assert_contains(&entry(&browser, "The signature does not fit"), &["401", "/admin"]);
        assert_eq!(attack(&browser, "alg-none"), ["401", "401"]);
        assert_contains(&entry(&browser, "A JWT without a signature"), &["alg: none", "(empty)"]);
        assert_contains(&entry(&browser, "such as none"), &["401", "alg: none"]);
        assert_eq!(attack(&browser, "role"), ["204", "200", "204", "403"]);
        assert_eq!(attack(&browser, "paused"), ["200", "503", "200"]);
        assert_contains(&entry(&browser, "(unavailable)"), &["503"]);
        assert_eq!(browser.text("#who"), "Alice (buyer) is signed in.");
        let rows = texts(&browser, "#devices li");
        assert_eq!(rows.len(), 1, "the attacks are by another user: {rows:?}");
    }
}

#[test]
fn sec_82_the_form_of_the_other_site_is_refused() {
    let shop = Shop::start();
    let browser = open(&shop);
    sign_in(&browser, "laptop");
    let page = browser.tab();
    browser.click("#attack-cross-site button");
    browser.switch_to_new_tab(&page);
    browser.wait_for("form[action$='/logout'] button");
    assert_eq!(browser.script("return location.hostname"), "127.0.0.1");
    browser.click("form button");
    browser.switch_to(&page);
    assert_eq!(outcome(&browser, "cross-site"), ["403", "200"]);
    assert_eq!(browser.text("#who"), "Alice (buyer) is signed in.");
}

/// Returns how many buttons of the comparison and of the attacks are disabled.
fn disabled(browser: &Browser) -> Value {
    browser.script("return trials().filter(button => button.disabled).length")
}

#[test]
fn an_attack_runs_alone_and_not_forever() {
    let shop = Shop::start();
    let browser = open(&shop);
    browser.click("#attack-tampered button");
    outcome(&browser, "tampered");
    let focused = "return document.activeElement.closest('section').id";
    assert_eq!(browser.script(focused), "attack-tampered", "the button keeps the focus");

    browser.click("#attack-cross-site button"); // and the other page's button is not clicked
    assert_eq!(disabled(&browser), 8);
    let page = browser.tab();
    browser.switch_to_new_tab(&page);
    browser.wait_for("form[action$='/logout'] button");
    browser.switch_to(&page);
    browser.script("const now = performance.now(); performance.now = () => now + 121_000");
    let result = "#attack-cross-site .outcome";
    browser.wait_for_text(result, "Not finished: the form was not sent within two minutes.");
    until("the buttons work again", || (disabled(&browser) == 0).then_some(()));
}

#[test]
fn ending_a_device_ends_the_stream_of_its_tab() {
    for auth in ["both", "session", "jwt"] {
        let shop = Shop::start_with(&["--auth", auth]);
        let browser = open(&shop);
        sign_in(&browser, "laptop");
        browser.wait_for_text("#live", "live");
        let first = browser.open_tab(&shop.url("/?device"));
        let second = browser.tab();
        browser.wait_for_text("#who", "Not signed in.");
        sign_in(&browser, "phone");
        browser.wait_for_text("#live", "live");

        browser.switch_to(&first);
        let listed = "return document.querySelectorAll('#devices li').length === 2";
        browser.script("document.dispatchEvent(new Event('visibilitychange'))"); // as if seen again
        until("both devices are listed", || (browser.script(listed) == true).then_some(()));
        browser.click("#devices li:not(.current) button");
        browser.switch_to(&second);
        browser.wait_for_text("#message", "This sign-in has ended: revoked.");
        assert_eq!(browser.text("#live"), "stream ended");
        browser.wait_for_text("#who", "Not signed in.");
        browser.switch_to(&first);
        assert_eq!(browser.text("#who"), "Alice (buyer) is signed in.");
        assert_eq!(browser.text("#live"), "live");
    }
}

/// Sends a request that asks for a report.
fn inspected(client: &Curl, path: &str) -> Response {
    client.get(path).header("inspect: 1").send()
}

fn report(response: &Response) -> Value {
    serde_json::from_str(response.header("inspection").unwrap()).unwrap()
}

#[test]
fn only_the_client_of_a_request_gets_its_report() {
    let shop = Shop::start();
    let (alice, visitor) = (shop.device(), shop.client());
    alice.login("alice", "wonderland");
    assert_eq!(alice.get("/me").send().header("inspection"), None, "it did not ask");
    assert_eq!(report(&inspected(&alice, "/me"))["decision"]["subject"], "alice");
    let visitor = report(&inspected(&visitor, "/me"));
    assert_eq!(
        (&visitor["decision"]["outcome"], &visitor["cookies"]),
        (&"unidentified".into(), &json!([]))
    );
    assert!(!visitor.to_string().contains("alice"), "{visitor}");
}

/// Returns whether the store knew the sign-in without waiting, and how often it was called.
fn store_access(shop: &Shop, credential: &str) -> (bool, usize) {
    let report = report(&shop.client().get("/me").header(credential).header("inspect: 1").send());
    assert_eq!(report["decision"]["subject"], "alice");
    let peeks = report["peeks"].as_array().unwrap();
    assert!(peeks.iter().all(|peek| peek == "hit" || peek == "miss"), "{report}");
    (peeks.contains(&"hit".into()), report["calls"].as_array().unwrap().len())
}

#[test]
fn the_report_tells_the_memory_of_the_shop_from_the_shared_store() {
    for (options, cached) in CACHE_MODES.into_iter().zip([true, false]) {
        let service = Service::redis(options);
        let shop = service.shop();
        let device = shop.device();
        device.login("alice", "wonderland");
        let credential = device.cookie().unwrap();
        if cached {
            until("the sign-in is in memory", || {
                let (hit, calls) = store_access(&shop, &credential);
                assert_eq!(calls, usize::from(!hit), "one call if it is not in memory");
                hit.then_some(())
            });
        }
        let expected = if cached { (true, 0) } else { (false, 1) };
        for _ in 0..3 {
            assert_eq!(store_access(&shop, &credential), expected, "{options:?}");
        }
    }
}

#[test]
fn without_the_inspector_the_shop_reports_nothing() {
    for args in [&["--inspector", "off"][..], &["--behind-tls"]] {
        let shop = Shop::start_with(args);
        let client = shop.client();
        for path in ["/me", "/healthz"] {
            assert_eq!(inspected(&client, path).header("inspection"), None, "{args:?} {path}");
        }
        for path in ["/compare/jwt/me", "/other-site/localhost"] {
            assert_eq!(client.get(path).send().status, 404, "{args:?} {path}");
        }
        let alice = Tokens::of_alice(&client).header();
        let paused = client.get("/me").header(&alice).header("inspect: paused").send();
        assert_eq!(paused.status, 200, "{args:?}");
    }
    let shop = Shop::start_with(&["--inspector", "off"]);
    let browser = Browser::start();
    browser.go(&shop.url("/"));
    sign_in(&browser, "laptop");
    for css in ["#inspector", "#compare", "#attacks", "#credential", "#sections"] {
        assert!(!browser.is_visible(css), "{css}");
    }
}
