//! Chromium, as a user operates it.

use std::process::Command;

use auth_servers::{Scratch, until};
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

/// A headless Chromium with an empty profile.
pub(crate) struct Browser {
    // Fields are dropped in this order.
    session: Session,
    _driver: Process,
    _profile: Scratch,
}

impl Browser {
    pub(crate) fn start() -> Self {
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
        Self { session, _driver: driver, _profile: profile }
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
