//! A program that runs beside the test, and ends with it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use rustix::process::{Pid, Signal, kill_process};

/// Starts the program, says its id, and kills it when it is told to, or when the standard input
/// ends: then the test's process has ended too, and the folder goes.
const KEEPER: &str = r#"
folder=$1; shift
"$@" >>"$folder/stdout" 2>&1 </dev/null &
pid=$!
echo "$pid"
read -r told
kill -KILL "$pid"
wait "$pid" 2>/dev/null
[ "$told" = end ] || rm -rf "$folder"
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

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the process runs");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut stdin) = self.keeper.stdin.take() {
            let _ = stdin.write_all(b"end\n");
        }
        let _ = self.keeper.wait();
    }
}

/// A new, empty folder. It goes with the value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("auth-servers-{}-{number}", process::id()));
        fs::create_dir(&folder).expect("a folder for the server");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
