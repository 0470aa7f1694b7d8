//! One connection.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use super::request::Request;
use crate::stores::redis::url::Endpoint;

/// One connection, which many may use at a time.
#[derive(Clone)]
pub(super) struct Connection {
    inner: MultiplexedConnection,
    driver: Arc<Driver>,
    server: Endpoint,
}

/// The task that reads and writes. It ends as soon as the server hangs up.
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

    /// Where it goes.
    pub(super) fn server(&self) -> &Endpoint {
        &self.server
    }

    /// Whether the other side has not hung up yet.
    pub(super) fn is_open(&self) -> bool {
        !self.driver.0.is_finished()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.driver, &other.driver)
    }

    /// The answer to one command.
    pub(super) async fn ask(&self, command: &Cmd, by: Instant) -> Result<Value, Failure> {
        let mut inner = self.inner.clone();
        match timeout_at(by, inner.send_packed_command(command)).await {
            Ok(answer) => answer.and_then(Value::extract_error).map_err(judge),
            Err(_) => Err(Failure::late()),
        }
    }

    /// The answers to several commands, which nothing comes between. Errors are among them.
    pub(super) async fn ask_all(
        &self,
        commands: &[Cmd],
        by: Instant,
    ) -> Result<Vec<Value>, Failure> {
        let (mut inner, mut pipeline) = (self.inner.clone(), Pipeline::new());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        match timeout_at(by, inner.send_packed_commands(&pipeline, 0, commands.len())).await {
            Ok(answers) => answers.map_err(judge),
            Err(_) => Err(Failure::late()),
        }
    }

    /// The answer to a request, and to the commands that go before and after it.
    pub(super) async fn run(
        &self,
        before: Option<&Cmd>,
        request: &Request,
        after: Option<&Cmd>,
        by: Instant,
    ) -> Result<(Value, Option<Value>), Failure> {
        let mut command = request.first();
        loop {
            let commands: Vec<_> =
                before.into_iter().chain([&command]).chain(after).cloned().collect();
            let mut answers = self.ask_all(&commands, by).await?.into_iter();
            let answer = answers.nth(usize::from(before.is_some()));
            let answer = answer.ok_or_else(Failure::unexpected)?.extract_error();
            match (answer, request.in_full()) {
                (Ok(answer), _) => return Ok((answer, answers.next())),
                (Err(error), Some(full)) if is_unknown_script(&error) => command = full,
                (Err(error), _) => return Err(judge(error)),
            }
        }
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Only an answer of the server itself says that nothing happened.
fn judge(error: RedisError) -> Failure {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => Failure::Refused(error),
        _ => Failure::Lost(error),
    }
}
