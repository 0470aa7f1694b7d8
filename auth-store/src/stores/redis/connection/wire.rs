//! One connection, which runs commands and scripts.
//!
//! It does not reconnect; `shared_connection` opens a new one.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use super::request::Request;
use crate::stores::redis::url::Endpoint;

/// A connection to one server. Clones share it, and may use it at the same time.
#[derive(Clone)]
pub(super) struct Connection {
    inner: MultiplexedConnection,
    driver: Arc<Driver>,
    server: Endpoint,
}

/// The task that reads and writes. It ends as soon as the server closes the connection.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    pub(super) fn new(
        inner: MultiplexedConnection,
        driver: JoinHandle<()>,
        server: Endpoint,
    ) -> Self {
        Self { inner, driver: Arc::new(Driver(driver)), server }
    }

    /// Returns the server that it goes to.
    pub(super) fn server(&self) -> &Endpoint {
        &self.server
    }

    /// Returns whether the server has not closed it.
    pub(super) fn is_open(&self) -> bool {
        !self.driver.0.is_finished()
    }

    /// Returns whether this is the same connection.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.driver, &other.driver)
    }

    /// Sends one command, and returns the answer.
    pub(super) async fn ask(&self, command: &Cmd, deadline: Instant) -> Result<Value, Failure> {
        let mut inner = self.inner.clone();
        match timeout_at(deadline, inner.send_packed_command(command)).await {
            Ok(answer) => answer.and_then(Value::extract_error).map_err(failure_of),
            Err(_) => Err(Failure::no_answer()),
        }
    }

    /// Sends several commands, with no other in between, and returns the answers, including errors.
    pub(super) async fn ask_all(
        &self,
        commands: &[Cmd],
        deadline: Instant,
    ) -> Result<Vec<Value>, Failure> {
        let (mut inner, mut pipeline) = (self.inner.clone(), Pipeline::new());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        match timeout_at(deadline, inner.send_packed_commands(&pipeline, 0, commands.len())).await {
            Ok(answers) => answers.map_err(failure_of),
            Err(_) => Err(Failure::no_answer()),
        }
    }

    /// Sends a request, with a command before and one after it. Returns the answers to the request and to
    /// the command after it. A script is sent by its hash first, and in full if the server does not know it.
    pub(super) async fn run(
        &self,
        before: Option<&Cmd>,
        request: &Request,
        after: Option<&Cmd>,
        deadline: Instant,
    ) -> Result<(Value, Option<Value>), Failure> {
        let mut command = request.first();
        loop {
            let commands: Vec<_> =
                before.into_iter().chain([&command]).chain(after).cloned().collect();
            let mut answers = self.ask_all(&commands, deadline).await?.into_iter();
            let answer = answers.nth(usize::from(before.is_some()));
            let answer = answer.ok_or_else(Failure::unexpected)?.extract_error();
            match (answer, request.in_full()) {
                (Ok(answer), _) => return Ok((answer, answers.next())),
                (Err(error), Some(full)) if is_unknown_script(&error) => command = full,
                (Err(error), _) => return Err(failure_of(error)),
            }
        }
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Only an error that the server has sent proves that nothing happened.
fn failure_of(error: RedisError) -> Failure {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => Failure::Refused(error),
        _ => Failure::Lost(error),
    }
}
