//! The process of a database server.

use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;

use crate::child::Program;
use crate::scratch::Scratch;

/// A server that one command starts in a folder of its own, where its data stays while it does not run.
pub(crate) struct Daemon {
    program: Option<Program>,
    folder: Scratch,
    command: Vec<String>,
}

impl Daemon {
    /// Creates one that does not run yet.
    pub(crate) fn new(folder: Scratch, command: Vec<String>) -> Self {
        Self { program: None, folder, command }
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

/// Runs a program to its end, and returns its output or its errors.
pub(crate) fn answer(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().map_err(|error| {
        format!("{} does not start: {error}", command.get_program().to_string_lossy())
    })?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Runs a program to its end.
///
/// # Panics
/// If it fails.
pub(crate) fn run(command: &mut Command) {
    if let Err(errors) = answer(command) {
        panic!("{command:?}: {errors}");
    }
}

/// Copies a folder with its contents and their owners.
pub(crate) fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-Rp").args([from, to]));
}
