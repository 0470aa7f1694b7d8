//! The shop under test.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use super::curl::Curl;
use super::process::Process;

/// A running shop, on a free port.
pub(crate) struct Shop {
    pub(crate) process: Process,
    url: String,
    args: Vec<String>,
}

impl Shop {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments; `--listen` is there already.
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

    /// Starts it again where it was, after its end.
    pub(crate) fn start_again(&mut self) {
        *self = Self::start_at(&format!("127.0.0.1:{}", self.port()), self.args.clone());
    }

    /// Where a page of the shop is. The path begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.authority().split_once(':').unwrap().1.parse().unwrap()
    }

    /// The most memory that the process has had, in MiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        kib / 1024
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
