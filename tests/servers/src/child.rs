//! A program that runs next to the test and ends with it.
//!
//! A shell watches the program. If the test's process is killed, the shell ends the program and removes
//! its folder, so that no server is left behind.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::until;

/// A shell script that starts the program and prints its id. It ends the program on a word from the test, or
/// when its standard input ends: then the test's process has ended, and the script removes the folder. The
/// shell ignores signals, which a terminal sends to the whole process group, so that it can still end the
/// program.
///
/// Unless it is to be killed, a program with children is interrupted first, so that it ends its children
/// itself. To kill it, the script stops the program, so that it starts no more children, and kills all of them.
/// It waits for the children, because they hold what the program needs when it is started again. A process
/// that has ended has no `exe`.
const KEEPER: &str = r#"
folder=$1; shift
"$@" >>"$folder/stdout" 2>&1 </dev/null &
pid=$!
trap '' HUP INT TERM
echo "$pid"
children() { cat "/proc/$pid/task/$pid/children" 2>/dev/null; }
read -r word
if [ "$word" != kill ] && [ -n "$(children)" ]; then
    kill -CONT $(children) "$pid" 2>/dev/null
    kill -INT "$pid"
    tries=250
    while [ -e "/proc/$pid/exe" ] && [ "$((tries -= 1))" -gt 0 ]; do sleep 0.02; done
fi
kill -STOP "$pid" 2>/dev/null
children=$(children)
kill -KILL $children "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
for child in $children; do
    while [ -e "/proc/$child/exe" ]; do sleep 0.01; done
done
case $word in end | kill) ;; *) rm -rf "$folder" ;; esac
"#;

/// A running program.
pub(crate) struct Program {
    keeper: Child,
    pid: Pid,
}

impl Program {
    /// Starts a program in this folder.
    pub(crate) fn start(folder: &Path, command: &[String]) -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(folder)
            .args(command)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let stdout = keeper.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the shell prints the id");
        let pid = line.trim().parse().ok().and_then(Pid::from_raw).expect("the id of a process");
        Self { keeper, pid }
    }

    /// Sends a signal to the process and its children. The process comes first, so that it starts no more
    /// children once it is stopped.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the process runs");
        for child in self.children() {
            let _ = kill_process(child, signal); // it may have ended by itself
        }
        if signal == Signal::STOP {
            // The signal is delivered asynchronously: threads run until one of them has received it.
            until("all threads are stopped", || self.is_stopped().then_some(()));
        }
    }

    /// Returns whether every thread is stopped or has ended.
    fn is_stopped(&self) -> bool {
        let pids = self.children().into_iter().chain([self.pid]);
        pids.flat_map(|pid| fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())))
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok())
            .filter_map(|stat| stat.rsplit_once(") ")?.1.chars().next())
            .all(|state| matches!(state, 'T' | 't' | 'Z' | 'X'))
    }

    /// Kills the process and its children.
    pub(crate) fn kill(mut self) {
        self.send(b"kill\n");
    }

    /// Sends a word to the shell, once, and waits until the shell has ended.
    fn send(&mut self, word: &[u8]) {
        if let Some(mut stdin) = self.keeper.stdin.take() {
            let _ = stdin.write_all(word);
            let _ = self.keeper.wait();
        }
    }

    /// Returns the children that Linux lists. The process group would not do, because each child of PostgreSQL
    /// has its own.
    fn children(&self) -> Vec<Pid> {
        let pid = self.pid.as_raw_nonzero();
        let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let pid = |word: &str| word.parse().ok().and_then(Pid::from_raw);
        listed.unwrap_or_default().split_whitespace().filter_map(pid).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.send(b"end\n");
    }
}
