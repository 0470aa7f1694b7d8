//! Redis as the command line names it, when the shop starts.

use auth_servers::RedisServer;

use crate::command_line::refusal;
use crate::harness::{Service, Shop, until};

fn refused(url: &str, named: &[&str]) {
    for way in Service::WAYS {
        let message = refusal(&[&["--store", url], way].concat());
        assert!(message.contains("--store"), "{message}");
        assert!(named.iter().all(|name| message.contains(name)), "{url}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_url_that_is_wrong_is_named_without_its_password() {
    for (url, named) in [
        ("redis://ada:hunter2@localhost:port", "port"),
        ("redis://ada:hunter2", "port"),
        ("redis://hunter2@localhost", "user:password"),
        ("redis://:hunter2@a,b", "one host"),
        ("redis+sentinel://:hunter2@localhost", "service"),
        ("redis+cluster://:hunter2@localhost/7", "database"),
        ("redis+tcp://:hunter2@localhost", "redis+cluster:"),
        ("redi://:hunter2@localhost", "redis:"),
        ("hunter2", "memory:"),
    ] {
        refused(url, &[named]);
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    for scheme in ["redis", "rediss", "redis+cluster"] {
        let url = format!("{scheme}://ada:hunter2@127.0.0.1:1");
        refused(&url, &["Redis was not reached", "refused"]);
    }
    refused("redis+sentinel://ada:hunter2@127.0.0.1:1/main", &["Redis was not reached"]);
}

#[test]
fn a_server_that_hangs_is_not_waited_for_without_end() {
    let redis = RedisServer::start();
    redis.hang();
    refused(&redis.url().replace("://", "://:hunter2@"), &["Redis was not reached"]);
    redis.go_on();
}

#[test]
fn a_wrong_password_is_not_repeated_and_the_right_one_is_nowhere_in_the_log() {
    let mut redis = RedisServer::with_password("hunter2");
    for login in [":hunter2-wrong@", "ada:hunter2-wrong@", ""] {
        let url = format!("redis://{login}127.0.0.1:{}", redis.port());
        refused(&url, &["refused the user and password"]);
    }
    let url = redis.url();
    let start = |way: &[&str]| Shop::start_with(&[&["--store", &url], way].concat());
    let shops = Service::WAYS.map(start);
    let devices = shops.each_ref().map(Shop::device);
    for device in &devices {
        assert_eq!(device.login("alice", "wonderland").status, 200);
    }
    redis.kill();
    for (shop, device) in shops.iter().zip(&devices) {
        until("the shop is cut off", || (device.get("/me").send().status == 503).then_some(()));
        let (stdout, stderr) = (shop.process.stdout(), shop.process.stderr());
        assert!(!stdout.contains("hunter2") && !stderr.contains("hunter2"), "{stdout}{stderr}");
    }
}

#[test]
fn a_server_that_forgets_sign_ins_when_it_is_full_is_refused() {
    let redis = RedisServer::with(&["--maxmemory-policy", "allkeys-lru"]);
    refused(&redis.url(), &["allkeys-lru", "noeviction"]);
}
