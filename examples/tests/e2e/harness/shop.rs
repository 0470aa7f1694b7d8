//! The shop under test.

use std::process::Command;

use super::curl::Curl;
use super::process::Process;

/// A running shop, on a free port.
pub(crate) struct Shop {
    pub(crate) process: Process,
    url: String,
}

impl Shop {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments; `--listen` is there already.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let mut process = Process::start(command(&["--listen", "127.0.0.1:0"]).args(args));
        let url = process.announced("shop at ");
        Self { process, url }
    }

    /// Where a page of the shop is. The path begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// A client that keeps cookies.
    pub(crate) fn device(&self) -> Curl {
        Curl::with_jar(&self.url)
    }

    /// A client that keeps nothing.
    pub(crate) fn client(&self) -> Curl {
        Curl::new(&self.url)
    }
}

/// The shop's binary; the developer's own log settings do not matter.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args(args).env_remove("RUST_LOG");
    command
}
