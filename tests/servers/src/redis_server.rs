//! One Redis server.
//!
//! Tests start it with settings of their own, stop it, continue it, kill it and start it again.

use std::time::Duration;

use redis::{Client, Cmd, Connection, RedisResult, Value};
use rustix::process::Signal;

use crate::authority::Authority;
use crate::child::Program;
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::wait::until;

/// One Redis server. With `--appendonly yes`, its data survives [`kill`](Self::kill) and
/// [`start_again`](Self::start_again).
pub struct RedisServer {
    program: Option<Program>,
    folder: Scratch,
    command: Vec<String>,
    port: u16,
    tls_port: Option<u16>,
    login: String,
}

impl RedisServer {
    /// Starts a server with the default settings.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with these settings, as in `["--appendonly", "yes"]`.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        let server = Self::spawn("redis-server", settings);
        server.wait();
        server
    }

    /// Starts a server that requires this password.
    #[must_use]
    pub fn with_password(password: &str) -> Self {
        let mut server = Self::spawn("redis-server", &["--requirepass", password]);
        server.login = format!(":{password}@");
        server.wait();
        server
    }

    /// Starts a server with these settings that also listens for TLS.
    #[must_use]
    pub fn with_tls(authority: &Authority, settings: &[&str]) -> Self {
        let port = free_port();
        let tls = authority.settings(port);
        let all: Vec<_> = tls.iter().map(String::as_str).chain(settings.iter().copied()).collect();
        Self { tls_port: Some(port), ..Self::with(&all) }
    }

    pub(crate) fn spawn(program: &str, settings: &[&str]) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let path = folder.path().to_str().expect("a folder with a name").to_owned();
        let mut command = vec![program.to_owned()];
        if program == "redis-sentinel" {
            std::fs::write(folder.path().join("sentinel.conf"), "").expect("a file of settings");
            command.push(format!("{path}/sentinel.conf"));
        }
        let port_text = port.to_string();
        let basics = ["--port", &port_text, "--bind", "127.0.0.1", "--dir", &path];
        command.extend(basics.iter().chain(settings).map(|word| (*word).to_owned()));
        if program == "redis-server" {
            command.extend(["--save", ""].map(str::to_owned));
        }
        let program = Some(Program::start(folder.path(), &command));
        Self { program, folder, command, port, tls_port: None, login: String::new() }
    }

    /// Returns the port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.tls_port.is_some()
    }

    /// Returns the port that it listens on for TLS.
    ///
    /// # Panics
    ///
    /// Panics if it was started without TLS.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.tls_port.expect("it was started with TLS")
    }

    /// Returns the URL `redis://..`, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}127.0.0.1:{}", self.login, self.port)
    }

    /// Stops the process where it is: the server hangs, and connections to it stay open.
    pub fn hang(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a hanging server go on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills the process, and its child if it is writing a file. Nothing more is sent or saved.
    pub fn kill(&mut self) {
        if let Some(program) = self.program.take() {
            program.kill();
        }
    }

    /// Starts the server again on the same port, and waits until it answers.
    pub fn start_again(&mut self) {
        self.program = Some(Program::start(self.folder.path(), &self.command));
        self.wait();
    }

    /// Sends one command on a new connection, and returns the answer.
    ///
    /// # Panics
    ///
    /// Panics if the server cannot be reached, or answers with an error.
    #[must_use]
    pub fn ask(&self, words: &[&str]) -> Value {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Sends one command on a new connection, and returns the answer or the error.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot be reached, or answers with an error.
    pub fn try_ask(&self, words: &[&str]) -> RedisResult<Value> {
        let mut command = Cmd::new();
        words.iter().for_each(|word| _ = command.arg(*word));
        command.query(&mut self.connection()?)
    }

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot be reached.
    pub fn connection(&self) -> RedisResult<Connection> {
        let wait = Duration::from_secs(1);
        let connection = Client::open(self.url())?.get_connection_with_timeout(wait)?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(connection)
    }

    /// Returns a field of `INFO`.
    #[must_use]
    pub fn info(&self, section: &str, field: &str) -> Option<String> {
        let info: String = redis::from_redis_value(self.try_ask(&["INFO", section]).ok()?).ok()?;
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.map(str::to_owned)
    }

    pub(crate) fn wait(&self) {
        until("the server answers", || self.try_ask(&["PING"]).ok());
    }

    fn signal(&self, signal: Signal) {
        if let Some(program) = &self.program {
            program.signal(signal);
        }
    }
}

auth_core::redacted_debug!(RedisServer { port });
