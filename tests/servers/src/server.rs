//! What a test does to a server, of whatever kind.
//!
//! A test that makes the same demands on several stores takes any [`TestServer`], so that it is
//! written once.

use crate::{MariaDbServer, MongoServer, PostgresServer, Proxy, RedisServer};

/// A server that a test pauses, kills and starts again.
pub trait TestServer {
    /// Returns the port that it listens on.
    fn port(&self) -> u16;

    /// Returns its URL, as the store takes it.
    fn url(&self) -> String;

    /// Returns its URL, with the port of this proxy.
    fn url_through(&self, proxy: &Proxy) -> String {
        let address = |port: u16| format!("127.0.0.1:{port}");
        self.url().replace(&address(self.port()), &address(proxy.port()))
    }

    /// Stops the process where it is: the server hangs, and connections to it stay open.
    fn hang(&self);

    /// Lets a hanging server go on.
    fn go_on(&self);

    /// Kills the process, without a chance to say or save anything.
    fn kill(&mut self);

    /// Starts the server again with its data, and waits until it answers.
    fn start_again(&mut self);
}

macro_rules! test_servers {
    ($($server:ident)*) => {
        $(impl TestServer for $server {
            fn port(&self) -> u16 {
                self.port()
            }

            fn url(&self) -> String {
                self.url()
            }

            fn hang(&self) {
                self.hang();
            }

            fn go_on(&self) {
                self.go_on();
            }

            fn kill(&mut self) {
                self.kill();
            }

            fn start_again(&mut self) {
                self.start_again();
            }
        })*
    };
}

test_servers! { MariaDbServer MongoServer PostgresServer RedisServer }
