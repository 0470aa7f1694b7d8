//! `nanoidp`, an OpenID provider with JSON Web Tokens for resources (RFC 8707), and with introspection.

use std::net::TcpStream;

use crate::child::Program;
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::wait::until;

/// The user `alice` may log in with a password, by the client `shop`.
const SETTINGS: &str = r#"
config_version: 1
server: { host: "127.0.0.1", port: PORT }
oauth:
  issuer: "http://localhost:PORT"
  audience: "shop"
  clients: [{ client_id: "shop", client_secret: "SECRET" }]
"#;
const USERS: &str = r#"
config_version: 1
users: { alice: { password: "SECRET", email: "alice@example.org", roles: ["buyer"] } }
"#;

/// A provider with one client and one user. It ends when the value is dropped.
pub struct NanoIdp {
    _process: Program,
    _folder: Scratch,
    port: u16,
}

impl NanoIdp {
    /// The id of the client.
    pub const CLIENT: &str = "shop";
    /// The name of the user.
    pub const USER: &str = "alice";
    /// The secret of the client, which is also the user's password.
    pub const SECRET: &str = "the-secret-of-the-client";

    /// Starts a provider.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    #[must_use]
    pub fn start() -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let fill =
            |text: &str| text.replace("PORT", &port.to_string()).replace("SECRET", Self::SECRET);
        for (name, text) in [("settings.yaml", SETTINGS), ("users.yaml", USERS)] {
            std::fs::write(folder.join(name), fill(text)).expect("a file for the provider");
        }
        let path = folder.path().to_str().expect("the path is UTF-8");
        let command = ["nanoidp", "--config", path, "--port", &port.to_string()];
        let process = Program::start(folder.path(), &command.map(str::to_owned));
        until("NanoIDP answers", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { _process: process, _folder: folder, port }
    }

    /// Returns its issuer, which is also its URL.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

auth_core::redacted_debug!(NanoIdp { port });
