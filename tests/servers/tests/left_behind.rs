//! When a test's process ends, its servers and their data are removed.
//!
//! The process may also be killed or interrupted. Each test runs another test in a process of its own,
//! and ends that.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::{env, fs, thread};

use auth_servers::{PostgresServer, RedisServer, until};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Set for a test that runs again in a process of its own, which is then ended.
const INSIDE: &str = "AUTH_SERVERS_LEAVES";

/// A test's process with servers of its own, in its own process group, as in a terminal.
struct Test {
    child: Child,
    ports: Vec<u16>,
}

impl Test {
    /// Runs a test in a new process, and waits until its servers run.
    fn in_new_process(name: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(INSIDE, "1")
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let ports = lines.find_map(|line| Some(line.split_once("ports: ")?.1.to_owned()));
        let ports = ports.expect("its servers run");
        Self { child, ports: ports.split(' ').map(|port| port.parse().unwrap()).collect() }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for the end of the process, and for its folders and servers to be gone.
    fn leaves_nothing(mut self) {
        assert!(!self.child.wait().unwrap().success());
        let folders = format!("auth-servers-{}-", self.child.id());
        until("its folders are gone", || left(&folders).is_empty().then_some(()));
        for port in self.ports {
            assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "{port} answers");
        }
    }
}

fn left(prefix: &str) -> Vec<String> {
    let entries = fs::read_dir(env::temp_dir()).expect("a folder");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Runs servers until the process is ended.
#[allow(clippy::print_stdout)] // read by the other process
fn run_servers() {
    let (postgres, redis) = (PostgresServer::start(), RedisServer::start());
    println!("ports: {} {}", postgres.port(), redis.port());
    loop {
        thread::park();
    }
}

#[test]
fn nothing_is_left_when_a_test_is_killed() {
    if env::var_os(INSIDE).is_some() {
        run_servers();
    }
    let test = Test::in_new_process("nothing_is_left_when_a_test_is_killed");
    kill_process(test.pid(), Signal::KILL).unwrap();
    test.leaves_nothing();
}

/// A terminal sends the signal to the whole process group.
#[test]
fn nothing_is_left_when_tests_are_interrupted() {
    if env::var_os(INSIDE).is_some() {
        run_servers();
    }
    for signal in [Signal::INT, Signal::HUP, Signal::TERM] {
        let test = Test::in_new_process("nothing_is_left_when_tests_are_interrupted");
        kill_process_group(test.pid(), signal).unwrap();
        test.leaves_nothing();
    }
}
