//! The shop under test, as a process.

use std::fs;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;

use super::curl::{Curl, Response};
use super::process::Process;

/// A running shop on a free port.
pub(crate) struct Shop {
    pub(crate) process: Process,
    url: String,
    args: Vec<String>,
}

impl Shop {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a shop with these arguments, besides `--listen`.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", args.iter().map(|arg| (*arg).to_owned()).collect())
    }

    fn start_at(address: &str, args: Vec<String>) -> Self {
        let mut process = Process::start(command(&["--listen", address]).args(&args));
        let url = process.announced("shop at ");
        Self { process, url, args }
    }

    pub(crate) fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.exit_code();
    }

    /// Starts it again on the same port, after its end.
    pub(crate) fn restart(&mut self) {
        *self = Self::start_at(&format!("127.0.0.1:{}", self.port()), self.args.clone());
    }

    /// Returns the URL of a path, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Returns the host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.authority().split_once(':').unwrap().1.parse().unwrap()
    }

    /// Returns the peak memory of the process in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        kib / 1024
    }

    /// Returns a client that keeps cookies.
    pub(crate) fn device(&self) -> Curl {
        Curl::with_jar(&self.url)
    }

    /// Returns a client that keeps nothing.
    pub(crate) fn client(&self) -> Curl {
        Curl::new(&self.url)
    }

    /// Sends GET with this credential, a header line.
    pub(crate) fn get(&self, path: &str, credential: &str) -> Response {
        self.client().get(path).header(credential).send()
    }

    /// Sends POST without a body, and returns the status.
    pub(crate) fn post(&self, path: &str, credential: &str) -> u16 {
        self.client().post(path).header(credential).send().status
    }

    /// Adds one of this item to the cart.
    pub(crate) fn add(&self, credential: &str, item: &str) -> Response {
        let item = json!({ "item": item, "quantity": 1 });
        self.client().post("/cart").header(credential).json(&item).send()
    }

    pub(crate) fn log_out(&self, credential: &str) {
        assert_eq!(self.post("/logout", credential), 204);
    }
}

/// Returns a command for the shop's binary. The developer's own log settings do not apply.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args(args).env_remove("RUST_LOG");
    command
}
