//! npm's `oidc-provider`, an OpenID provider.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::ports::free_port;

/// An OpenID provider with the clients that a test registers. Any username and password log in, and the username
/// is the `sub`. The provider is killed when the value is dropped, and ends with the test's process.
pub struct OidcProvider {
    process: Child,
    port: u16,
    /// Kept open, because the provider prints notices.
    _stdout: BufReader<ChildStdout>,
}

impl OidcProvider {
    /// Starts a provider with these clients, a list in JSON.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    #[must_use]
    pub fn start(clients: &str) -> Self {
        let port = free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/oidc-provider.mjs");
        let mut process = Command::new("node")
            .args([script, &format!(r#"{{"port":{port},"clients":{clients}}}"#)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null()) // it warns that it is for tests only
            .spawn()
            .unwrap_or_else(|error| panic!("`node`: {error}: `tests/run` installs it"));
        let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut first = String::new();
        let _ = stdout.read_line(&mut first);
        assert_eq!(first, "listening\n", "`tests/run` installs its packages");
        Self { process, port, _stdout: stdout }
    }

    /// Returns the port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns its issuer, which is also its URL.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

auth_core::redacted_debug!(OidcProvider { port });
