//! What the servers of databases share: the process, the programs that run to their end, and the
//! methods that tests call.

use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;

use crate::child::Program;
use crate::scratch::Scratch;

/// The user of the tests and its password, in every database.
pub(crate) const USER: &str = "tests";
pub(crate) const PASSWORD: &str = "wonderland";

/// Writes the methods that the servers share. A server has the fields `daemon` and `port`, a constant
/// `DATABASE`, and the methods `with` and `try_ask_in`.
macro_rules! database_server {
    ($server:ident, $name:literal, $scheme:literal) => {
        impl $server {
            /// Starts a server with default settings.
            #[must_use]
            pub fn start() -> Self {
                Self::with(&[])
            }

            /// Returns the port that the server listens on.
            #[must_use]
            pub fn port(&self) -> u16 {
                self.port
            }

            /// Returns the URL of the initial database, with user and password.
            #[must_use]
            pub fn url(&self) -> String {
                self.url_of(Self::DATABASE)
            }

            /// Returns the URL of this database, with user and password.
            #[must_use]
            pub fn url_of(&self, database: &str) -> String {
                let port = self.port;
                format!("{}://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}", $scheme)
            }

            /// Creates an empty database, and returns its name.
            ///
            /// # Panics
            ///
            /// Panics if the server does not create it.
            #[must_use]
            pub fn new_database(&self) -> String {
                use std::sync::atomic::{AtomicU32, Ordering};

                static NUMBER: AtomicU32 = AtomicU32::new(0);
                let name = format!("tests_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
                let _ = self.ask(&format!("create database {name}"));
                name
            }

            $crate::daemon::daemon_signals!();

            /// Starts the server again with the same data and port, and waits until it answers.
            pub fn start_again(&mut self) {
                self.daemon.start();
                $crate::wait::until(concat!($name, " answers"), || self.try_ask("select 1").ok());
            }

            /// Executes SQL with the server's client in the initial database. Returns one line for each
            /// row, as the client prints it.
            ///
            /// # Panics
            ///
            /// Panics if the client fails.
            #[must_use]
            pub fn ask(&self, sql: &str) -> String {
                self.ask_in(Self::DATABASE, sql)
            }

            /// Executes SQL as [`ask`](Self::ask) does, in this database.
            ///
            /// # Panics
            ///
            /// Panics if the client fails.
            #[must_use]
            pub fn ask_in(&self, database: &str, sql: &str) -> String {
                self.try_ask_in(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
            }

            /// Executes SQL as [`ask`](Self::ask) does.
            ///
            /// # Errors
            ///
            /// Returns the client's output if it fails.
            pub fn try_ask(&self, sql: &str) -> Result<String, String> {
                self.try_ask_in(Self::DATABASE, sql)
            }
        }

        impl std::fmt::Debug for $server {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($server))
                    .field("port", &self.port)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use database_server;

/// Declares the methods of a server with a `daemon` that suspend, resume and kill its processes.
macro_rules! daemon_signals {
    () => {
        /// Suspends all processes of the server. It does not answer, and connections to it remain
        /// open.
        pub fn hang(&self) {
            self.daemon.signal(rustix::process::Signal::STOP);
        }

        /// Resumes the server after [`hang`](Self::hang).
        pub fn go_on(&self) {
            self.daemon.signal(rustix::process::Signal::CONT);
        }

        /// Kills all processes of the server.
        pub fn kill(&mut self) {
            self.daemon.kill();
        }
    };
}

pub(crate) use daemon_signals;

/// A server that one command starts, with a folder for its data.
pub(crate) struct Daemon {
    program: Option<Program>,
    folder: Scratch,
    command: Vec<String>,
}

impl Daemon {
    /// Creates a daemon that is not running yet.
    pub(crate) fn new(folder: Scratch, command: Vec<String>) -> Self {
        Self { program: None, folder, command }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds settings to the command. They take effect at the next start.
    pub(crate) fn set(&mut self, settings: &[&str]) {
        self.command.extend(settings.iter().map(|setting| (*setting).to_owned()));
    }

    pub(crate) fn start(&mut self) {
        self.program = Some(Program::start(self.folder.path(), &self.command));
    }

    pub(crate) fn kill(&mut self) {
        if let Some(program) = self.program.take() {
            program.kill();
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(program) = &self.program {
            program.signal(signal);
        }
    }
}

/// Runs a program, and returns its standard output, or all of its output if it fails.
pub(crate) fn answer(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().map_err(|error| {
        format!("{} does not start: {error}", command.get_program().to_string_lossy())
    })?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Runs a program.
///
/// # Panics
///
/// Panics if it fails.
pub(crate) fn run(command: &mut Command) {
    if let Err(errors) = answer(command) {
        panic!("{command:?}: {errors}");
    }
}

/// Copies a folder recursively, with its owner and permissions.
pub(crate) fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-Rp").args([from, to]));
}
