//! Databases as the command line names them, when the shop starts.

use std::thread;

use auth_servers::{MariaDbServer, PostgresServer};

use super::service::{Service, file};
use crate::command_line::refusal;
use crate::harness::{Scratch, Shop, shop_at};

fn refused(url: &str, named: &[&str]) {
    let message = refusal(&["--store", url]);
    assert!(message.contains("--store"), "{message}");
    assert!(named.iter().all(|name| message.contains(name)), "{url}: {message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_url_that_is_wrong_is_named_without_its_password() {
    for (url, named) in [
        ("sqlite::memory:", "name a file"),
        ("sqlite:/nowhere/shop.db", "unable to open database file"),
        ("postgres://ada:hunter2@localhost:port/shop", "cannot be read"),
        ("postgres://ada:hunter2@127.0.0.1:1/shop", "not reached"),
        ("mysql://ada:hunter2@127.0.0.1:1/shop", "not reached"),
        ("mariadb://ada:hunter2@127.0.0.1:1/shop", "not reached"),
        ("postgress://ada:hunter2@localhost/shop", "postgres:"),
    ] {
        refused(url, &[named]);
    }
}

#[test]
fn a_wrong_password_is_not_repeated() {
    let (postgres, mariadb) = (PostgresServer::start(), MariaDbServer::start());
    for url in [postgres.url(), mariadb.url()] {
        let wrong = url.replace("wonderland", "hunter2");
        assert_ne!(wrong, url);
        refused(&wrong, &["refused the user and password"]);
    }
}

#[test]
fn a_server_that_hangs_is_not_waited_for_without_end() {
    let (postgres, mariadb) = (PostgresServer::start(), MariaDbServer::start());
    postgres.hang();
    mariadb.hang();
    for url in [postgres.url(), mariadb.url()] {
        refused(&url.replace("wonderland", "hunter2"), &["not reached"]);
    }
    postgres.go_on();
    mariadb.go_on();
}

/// All begin with an empty database, and make its tables.
fn start_at_once(start: impl Fn() -> Shop + Sync) {
    thread::scope(|scope| {
        let starting: Vec<_> = (0..4).map(|_| scope.spawn(&start)).collect();
        for shop in starting {
            let shop = shop.join().unwrap();
            assert_eq!(shop.device().login("alice", "wonderland").status, 200);
        }
    });
}

#[test]
fn shops_that_start_together_make_the_tables_together() {
    let (postgres, mariadb) =
        (Service::<PostgresServer>::start(&[]), Service::<MariaDbServer>::start(&[]));
    // The key is there already: only the tables are made by all at once.
    let folder = Scratch::new();
    drop(shop_at("memory:", &folder, &[]));
    start_at_once(|| shop_at(&postgres.server.url(), &folder, &[]));
    start_at_once(|| shop_at(&mariadb.server.url(), &folder, &[]));
    start_at_once(|| shop_at(&file(&folder), &folder, &[]));
}
