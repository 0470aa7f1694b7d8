//! How the shop stops.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{Shop, until};

#[test]
fn a_signal_ends_it_without_error() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut shop = Shop::start();
        assert_eq!(shop.client().get("/healthz").send().body, "ok");
        shop.process.signal(signal);
        assert_eq!(shop.process.exit_code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_request_in_flight_is_answered_after_the_signal() {
    let mut shop = Shop::start();
    let body = r#"{"username":"alice","password":"wonderland"}"#;
    let length = body.len();
    let head = format!(
        "POST /login HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nexpect: 100-continue\r\n\r\n",
        shop.authority(),
    );
    let mut client = TcpStream::connect(shop.authority()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    client.read_exact(&mut go_on).unwrap(); // a handler has the request, and waits for its body
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    shop.process.signal(Signal::TERM);
    until("the shop stops", || shop.process.stderr().contains("shutting down").then_some(()));
    until("nobody else is let in", || TcpStream::connect(shop.authority()).err());
    client.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""subject":"alice""#), "{answer}");
    assert_eq!(shop.process.exit_code(), Some(0));
}
