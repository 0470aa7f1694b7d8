//! A program that runs beside the test, and ends with it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::until;

/// Starts the program, says its id, and ends it when it is told to, or when the standard input ends:
/// then the test's process has ended too, and the folder goes. A terminal tells the whole group to end:
/// the shell does not listen to that, so that it is still there to take the program along.
///
/// A program with children is asked to end unless it is to be killed, so that it leaves none for
/// others to wait for. If it is killed they are, too, while it stands still and makes no more; they
/// are waited for, because they hold what the program needs if it is started again. A process that
/// is over has no `exe`.
const KEEPER: &str = r#"
folder=$1; shift
"$@" >>"$folder/stdout" 2>&1 </dev/null &
pid=$!
trap '' HUP INT TERM
echo "$pid"
children() { cat "/proc/$pid/task/$pid/children" 2>/dev/null; }
read -r told
if [ "$told" != kill ] && [ -n "$(children)" ]; then
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
case $told in end | kill) ;; *) rm -rf "$folder" ;; esac
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
        BufReader::new(stdout).read_line(&mut line).expect("the shell says the id");
        let pid = line.trim().parse().ok().and_then(Pid::from_raw).expect("the id of a process");
        Self { keeper, pid }
    }

    /// Sends a signal to the process and its children: the process first, so that it makes no more
    /// once it stands still.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the process runs");
        for child in self.children() {
            let _ = kill_process(child, signal); // it may have ended by itself
        }
        if signal == Signal::STOP {
            // A signal to stop is only on its way yet: threads go on until one of them has taken it.
            until("everything stands still", || self.stands_still().then_some(()));
        }
    }

    /// Whether every thread is stopped. What is gone stands still.
    fn stands_still(&self) -> bool {
        let pids = self.children().into_iter().chain([self.pid]);
        pids.flat_map(|pid| fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())))
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok())
            .filter_map(|stat| stat.rsplit_once(") ")?.1.chars().next())
            .all(|state| matches!(state, 'T' | 't' | 'Z' | 'X'))
    }

    /// Kills the process and its children.
    pub(crate) fn kill(mut self) {
        self.tell(b"kill\n");
    }

    /// Tells the shell, once, and waits until it has done so.
    fn tell(&mut self, word: &[u8]) {
        if let Some(mut stdin) = self.keeper.stdin.take() {
            let _ = stdin.write_all(word);
            let _ = self.keeper.wait();
        }
    }

    /// Linux lists them. Not by the process group: those of PostgreSQL have one each.
    fn children(&self) -> Vec<Pid> {
        let pid = self.pid.as_raw_nonzero();
        let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let pid = |word: &str| word.parse().ok().and_then(Pid::from_raw);
        listed.unwrap_or_default().split_whitespace().filter_map(pid).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.tell(b"end\n");
    }
}
