//! The database servers survive being killed, and can hang.
//!
//! The tests of the stores rely on both: a server that lost its commits would hide a fault of a store.

use std::process::{Child, Stdio};

use auth_servers::{MariaDbServer, PostgresServer, until};

#[test]
fn postgres_keeps_commits_when_it_is_killed() {
    let mut server = PostgresServer::with(&["--timezone=America/New_York"]);
    assert_eq!(server.ask("show timezone"), "America/New_York");
    let database = server.new_database();
    let _ = server.ask_in(&database, "create table t (n int); insert into t values (7)");
    let mut waiting = psql(&server, "select pg_sleep(600)");
    until("a backend is busy", || busy(&server).then_some(()));
    server.kill();
    assert!(!waiting.wait().unwrap().success(), "its backend is gone");
    assert!(server.try_ask("select 1").is_err());
    server.start_again();
    assert_eq!(server.ask_in(&database, "select n from t"), "7");
}

#[test]
fn all_of_postgres_hangs_and_goes_on() {
    let mut server = PostgresServer::start();
    let mut waiting = psql(&server, "select pg_sleep(0.3)");
    until("a backend is busy", || busy(&server).then_some(()));
    server.hang();
    assert!(server.try_ask("select 1").is_err(), "the server hangs");
    assert!(waiting.try_wait().unwrap().is_none(), "its backend hangs, too");
    server.go_on();
    assert!(waiting.wait().unwrap().success());
    assert_eq!(server.ask("select 1"), "1");
    server.hang();
    server.kill();
    server.start_again();
    assert_eq!(server.ask("select 1"), "1");
}

#[test]
fn mariadb_keeps_commits_when_it_is_killed_and_can_hang() {
    let mut server = MariaDbServer::with(&["--default-time-zone=-05:00"]);
    assert_eq!(server.ask("select @@time_zone"), "-05:00");
    let _ = server.ask("create table t (n int); insert into t values (7)");
    server.kill();
    assert!(server.try_ask("select 1").is_err());
    server.start_again();
    assert_eq!(server.ask("select n from t"), "7");
    server.hang();
    assert!(server.try_ask("select 1").is_err(), "the server hangs");
    server.go_on();
    assert_eq!(server.ask("select 1"), "1");
}

/// Starts a client that waits for the answer.
fn psql(server: &PostgresServer, sql: &str) -> Child {
    let mut client = server.client(sql);
    client.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql starts")
}

fn busy(server: &PostgresServer) -> bool {
    let busy = "select count(*) from pg_stat_activity where query like 'select pg_sleep%'";
    server.ask(busy) == "1"
}
