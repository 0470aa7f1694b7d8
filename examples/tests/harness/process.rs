//! Child processes of the test, and the programs of the system.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use auth_servers::{Scratch, until};
use rustix::process::{Pid, Signal, kill_process};

/// A child process whose output goes to files. It is killed when the value is dropped.
pub(crate) struct Process {
    child: Child,
    output: Scratch,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let output = Scratch::new();
        let file = |name| Stdio::from(File::create(output.join(name)).unwrap());
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, output }
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(self.output.join("stdout")).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.output.join("stderr")).unwrap()
    }

    /// Waits for a complete line on stdout that begins with `prefix`, and returns the rest of it.
    ///
    /// # Panics
    ///
    /// Panics if the process ends first.
    pub(crate) fn announced(&mut self, prefix: &str) -> String {
        until(&format!("it prints `{prefix}`"), || {
            let ended = self.child.try_wait().unwrap();
            let stdout = self.stdout();
            let complete = stdout.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            let found =
                complete.filter_map(|line| line.strip_prefix(prefix)).next().map(str::to_owned);
            assert!(found.is_some() || ended.is_none(), "{ended:?}: {}", self.stderr());
            found
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end of the process. Returns its exit code, or `None` if a signal killed it.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        until("the process ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the path of a program.
///
/// # Panics
///
/// Panics if it is not installed. The message names the Debian package.
pub(crate) fn find_program(program: &str, package: &str) -> PathBuf {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!("the end-to-end tests need `{program}`: install the Debian package {package}")
        })
}
