//! Chromium.

use std::process::Command;

use auth_servers::{Scratch, until};
use serde_json::{Value, json};

use super::process::Process;
use super::programs;
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

/// A new Chromium without a window and without a past.
pub(crate) struct Browser {
    // In the order in which they end.
    session: Session,
    _driver: Process,
    _profile: Scratch,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let chromium = programs::find("chromium", "chromium");
        let chromedriver = programs::find("chromedriver", "chromium-driver");
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

    /// Types into a field, after what is in it.
    pub(crate) fn write(&self, css: &str, text: &str) {
        let field = self.element(css);
        self.session.post(&format!("{field}/value"), &json!({ "text": text }));
    }

    pub(crate) fn click(&self, css: &str) {
        self.session.post(&format!("{}/click", self.element(css)), &json!({}));
    }

    /// What a user reads there: nothing of what is hidden.
    pub(crate) fn text(&self, css: &str) -> String {
        let text = self.session.get(&format!("{}/text", self.element(css)));
        text.as_str().unwrap().to_owned()
    }

    /// Waits until a user reads this text there.
    pub(crate) fn reads(&self, css: &str, wanted: &str) {
        until(&format!("`{css}` is `{wanted}`"), || (self.text(css) == wanted).then_some(()));
    }

    /// Whether a user sees it.
    pub(crate) fn sees(&self, css: &str) -> bool {
        self.session.get(&format!("{}/displayed", self.element(css))) == true
    }

    /// What the body of a function returns; if it is a promise, what it comes to.
    pub(crate) fn script(&self, body: &str) -> Value {
        self.session.post("/execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// The cookies of the page, those that scripts do not see, too.
    pub(crate) fn cookies(&self) -> Vec<Value> {
        self.session.get("/cookie").as_array().unwrap().clone()
    }

    fn element(&self, css: &str) -> String {
        self.session.element(css).unwrap_or_else(|| panic!("there is no `{css}`"))
    }
}
