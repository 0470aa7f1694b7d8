//! A program that runs beside the test.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use auth_servers::{Scratch, until};
use rustix::process::{Pid, Signal, kill_process};

/// A child process; what it prints goes to files. It is killed with the value, if it still runs.
pub(crate) struct Process {
    child: Child,
    printed: Scratch,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let printed = Scratch::new();
        let file = |name| Stdio::from(File::create(printed.join(name)).unwrap());
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, printed }
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(self.printed.join("stdout")).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.printed.join("stderr")).unwrap()
    }

    /// Waits for a whole line on stdout that begins so, and says how it goes on.
    ///
    /// # Panics
    /// If the process ends instead.
    pub(crate) fn announced(&mut self, prefix: &str) -> String {
        until(&format!("it prints `{prefix}`"), || {
            let ended = self.child.try_wait().unwrap();
            let stdout = self.stdout();
            let whole = stdout.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            let found =
                whole.filter_map(|line| line.strip_prefix(prefix)).next().map(str::to_owned);
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

    /// Waits for its end and says its exit code: none if a signal killed it.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        until("the process ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error says that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
