//! A server that speaks the protocol of MongoDB: SecantusDB, as a replica set of one member.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::authority::Authority;
use crate::daemon::{Daemon, daemon_signals};
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::wait::until;

/// A server that speaks the protocol of MongoDB. With [`DURABLE`](Self::DURABLE), its data survives
/// [`kill`](Self::kill) and [`start_again`](Self::start_again).
pub struct MongoServer {
    daemon: Daemon,
    port: u16,
}

impl MongoServer {
    /// The setting with which the server has fail points.
    pub const FAIL_POINTS: &str = "--enable-test-commands";

    /// The setting with which the server writes its journal before it acknowledges a transaction, as MongoDB does.
    pub const DURABLE: &str = "--sync-on-commit";

    /// Starts a server with default settings.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server that accepts only TLS, with the authority's certificate for the server.
    #[must_use]
    pub fn with_tls(authority: &Authority) -> Self {
        let (cert, key) = (authority.file("cert"), authority.file("key"));
        Self::with(&["--tls-cert-file", &cert, "--tls-key-file", &key])
    }

    /// Starts a server with these settings, such as `["--standalone"]`.
    ///
    /// # Panics
    ///
    /// Panics if the server does not start.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let path = folder.path().to_str().expect("the path is UTF-8").to_owned();
        let port_text = port.to_string();
        let basics = ["secantusd-py", "--host", "127.0.0.1", "--port", &port_text];
        let mut command: Vec<_> =
            basics.iter().chain(settings).map(|word| (*word).to_owned()).collect();
        command.extend(["--storage-path".to_owned(), format!("{path}/data")]);
        let mut server = Self { daemon: Daemon::new(folder, command), port };
        server.start_again();
        server
    }

    /// Returns the port that the server listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of a database that all callers share.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("tests")
    }

    /// Returns the URL of this database.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the URL of a database that no other caller uses.
    #[must_use]
    pub fn url_of_new(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        self.url_of(&format!("tests_{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    daemon_signals!();

    /// Adds settings, such as `["--auth"]`, which take effect at the next start.
    pub fn set(&mut self, settings: &[&str]) {
        self.daemon.set(settings);
    }

    /// Starts the server again with the same data and port, and waits until it accepts connections.
    pub fn start_again(&mut self) {
        self.daemon.start();
        until("the server of the MongoDB tests listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }
}

auth_core::redacted_debug!(MongoServer { port });
