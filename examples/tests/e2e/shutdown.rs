//! The shutdown of the shop.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{Shop, until};

#[test]
fn a_signal_stops_the_shop_with_success() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut shop = Shop::start();
        assert_eq!(shop.client().get("/healthz").send().body, "ok");
        shop.process.signal(signal);
        assert_eq!(shop.process.exit_code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_request_in_flight_is_completed_after_the_signal() {
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
    let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    client.read_exact(&mut interim).unwrap(); // the handler is reading the body
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");

    shop.process.signal(Signal::TERM);
    until("the shutdown has begun", || {
        shop.process.stderr().contains("shutting down").then_some(())
    });
    until("connections are refused", || TcpStream::connect(shop.authority()).err());
    client.write_all(body.as_bytes()).unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains(r#""subject":"alice""#), "{response}");
    assert_eq!(shop.process.exit_code(), Some(0));
}
