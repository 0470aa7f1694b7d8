//! Chromium, as a user operates it.

use std::process::Command;

use auth_servers::{Scratch, until};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::other_site::OtherSite;
use super::process::{self, Process};
use super::webdriver::Session;

const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A tab of a browser.
pub(crate) struct Tab(Value);

/// A headless Chromium with an empty profile.
pub(crate) struct Browser {
    // Fields are dropped in this order.
    session: Session,
    _driver: Process,
    _profile: Scratch,
}

/// The window of a browser, and what its user prefers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Display {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

impl Display {
    pub(crate) const DESKTOP: Self = Self { width: 1280, height: 960, dark: false };
    pub(crate) const PHONE: Self = Self { width: 360, height: 740, dark: false };

    pub(crate) fn dark(self) -> Self {
        Self { dark: true, ..self }
    }
}

impl Browser {
    pub(crate) fn start() -> Self {
        Self::start_with(Display::DESKTOP)
    }

    /// Starts a browser whose page has exactly the size of this display.
    pub(crate) fn start_with(display: Display) -> Self {
        let chromium = process::find_program("chromium", "chromium");
        let chromedriver = process::find_program("chromedriver", "chromium-driver");
        let profile = Scratch::new();
        let folder = format!("--user-data-dir={}", profile.join("profile").display());
        let mut flags = FLAGS.to_vec();
        flags.push(&folder);

        let mut driver = Process::start(Command::new(chromedriver).arg("--port=0"));
        let port = driver.announced("ChromeDriver was started successfully on port ");
        let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        let options = json!({ "binary": chromium, "args": flags });
        let session = Session::start(&url, &json!({ "goog:chromeOptions": options }));
        let browser = Self { session, _driver: driver, _profile: profile };
        let Display { width, height, dark } = display;
        browser.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 }),
        );
        browser.devtools("Emulation.setScrollbarsHidden", &json!({ "hidden": true }));
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
        browser
    }

    /// Sends a command of the protocol of Chromium's `DevTools`, for what `WebDriver` cannot do.
    fn devtools(&self, command: &str, params: &Value) -> Value {
        self.session.post("/goog/cdp/execute", &json!({ "cmd": command, "params": params }))
    }

    pub(crate) fn go(&self, url: &str) {
        self.session.post("/url", &json!({ "url": url }));
    }

    /// Types into a field, after its present text.
    pub(crate) fn type_into(&self, css: &str, text: &str) {
        let field = self.element(css);
        self.session.post(&format!("{field}/value"), &json!({ "text": text }));
    }

    pub(crate) fn click(&self, css: &str) {
        self.session.post(&format!("{}/click", self.element(css)), &json!({}));
    }

    /// Returns the visible text of an element.
    pub(crate) fn text(&self, css: &str) -> String {
        let text = self.session.get(&format!("{}/text", self.element(css)));
        text.as_str().unwrap().to_owned()
    }

    /// Waits until an element exists.
    pub(crate) fn wait_for(&self, css: &str) {
        until(&format!("there is `{css}`"), || self.session.element(css).map(drop));
    }

    /// Waits until an element shows this text.
    pub(crate) fn wait_for_text(&self, css: &str, text: &str) {
        until(&format!("`{css}` is `{text}`"), || (self.text(css) == text).then_some(()));
    }

    /// Signs in with the form of the shop's page. Does not wait for the response.
    pub(crate) fn sign_in(&self, username: &str, password: &str) {
        self.type_into("#login [name=username]", username);
        self.type_into("#login [name=password]", password);
        self.click("#login button");
    }

    /// Sends the form of another site, and returns the status of the response from `action`.
    pub(crate) fn submit_from(&self, site: &OtherSite, action: &str) -> Value {
        self.go(&site.url);
        self.click("button");
        until("the response has arrived", || {
            (self.script("return location.href") == *action).then_some(())
        });
        self.script("return performance.getEntriesByType('navigation')[0].responseStatus")
    }

    /// Returns the name of an element as a screen reader says it.
    pub(crate) fn spoken_name(&self, css: &str) -> String {
        let name = self.session.get(&format!("{}/computedlabel", self.element(css)));
        name.as_str().unwrap().to_owned()
    }

    /// Presses and releases the Tab key.
    pub(crate) fn press_tab(&self) {
        const TAB: &str = "\u{e004}";
        let keys = json!([{ "type": "keyDown", "value": TAB }, { "type": "keyUp", "value": TAB }]);
        let keyboard = json!([{ "type": "key", "id": "keyboard", "actions": keys }]);
        self.session.post("/actions", &json!({ "actions": keyboard }));
    }

    /// Opens a page in a new tab, which the following commands use. Returns the tab that was used before.
    pub(crate) fn open_tab(&self, url: &str) -> Tab {
        let before = self.tab();
        let opened = self.session.post("/window/new", &json!({ "type": "tab" }));
        self.switch_to(&Tab(opened["handle"].clone()));
        self.go(url);
        before
    }

    /// Waits for a tab that the page of `before` opens, and switches to it.
    pub(crate) fn switch_to_new_tab(&self, before: &Tab) {
        let new = until("there is a new tab", || {
            let tabs = self.session.get("/window/handles");
            tabs.as_array().unwrap().iter().find(|tab| **tab != before.0).cloned()
        });
        self.switch_to(&Tab(new));
    }

    /// Returns the tab that the commands use.
    pub(crate) fn tab(&self) -> Tab {
        Tab(self.session.get("/window"))
    }

    pub(crate) fn switch_to(&self, tab: &Tab) {
        self.session.post("/window", &json!({ "handle": tab.0 }));
    }

    /// Returns a picture of the visible part of the page, in PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let picture = self.session.get("/screenshot");
        BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    /// Returns whether an element is visible.
    pub(crate) fn is_visible(&self, css: &str) -> bool {
        self.session.get(&format!("{}/displayed", self.element(css))) == true
    }

    /// Runs the body of a function and returns its result. Waits for a promise.
    pub(crate) fn script(&self, body: &str) -> Value {
        self.session.post("/execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// Returns the cookies of the page, including those that scripts cannot read.
    pub(crate) fn cookies(&self) -> Vec<Value> {
        self.session.get("/cookie").as_array().unwrap().clone()
    }

    fn element(&self, css: &str) -> String {
        self.session.element(css).unwrap_or_else(|| panic!("no element matches `{css}`"))
    }
}
