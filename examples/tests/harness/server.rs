//! The servers that a store can be on, behind one trait, so that a test is written once for all of them.

use auth_servers::{MariaDbServer, MongoServer, PostgresServer, RedisServer};

/// A server that can fail and recover. What it has acknowledged survives [`kill`](Self::kill).
pub(crate) trait Server {
    fn start() -> Self;
    fn url(&self) -> String;
    fn port(&self) -> u16;
    fn kill(&mut self);
    fn restart(&mut self);
    /// Stops the process, so that its connections stay open and do not answer.
    fn pause(&self);
    fn resume(&self);
    /// Ends the connections of all other clients.
    fn disconnect_clients(&self);
}

macro_rules! server {
    ($server:ident, $start:expr, $disconnect_clients:expr) => {
        impl Server for $server {
            fn start() -> Self {
                $start
            }

            fn url(&self) -> String {
                self.url()
            }

            fn port(&self) -> u16 {
                self.port()
            }

            fn kill(&mut self) {
                self.kill();
            }

            fn restart(&mut self) {
                self.start_again();
            }

            fn pause(&self) {
                self.hang();
            }

            fn resume(&self) {
                self.go_on();
            }

            fn disconnect_clients(&self) {
                $disconnect_clients(self);
            }
        }
    };
}

server!(
    RedisServer,
    // By default, Redis does not write to the disk before it acknowledges.
    Self::with(&["--appendonly", "yes", "--appendfsync", "always"]),
    |server: &RedisServer| {
        for kind in ["normal", "pubsub"] {
            let _ = server.ask(&["CLIENT", "KILL", "TYPE", kind]);
        }
    }
);

server!(MongoServer, Self::with(&[Self::DURABLE]), |_: &MongoServer| {
    panic!("the server of the MongoDB tests has no command that ends connections")
});

server!(PostgresServer, Self::start(), |server: &PostgresServer| {
    let others = "pid <> pg_backend_pid() and backend_type = 'client backend'";
    server.ask(&format!("select pg_terminate_backend(pid) from pg_stat_activity where {others}"))
});

server!(MariaDbServer, Self::start(), |server: &MariaDbServer| {
    let others = "id <> connection_id() and user = 'tests'";
    let ids = format!("select id from information_schema.processlist where {others}");
    server.ask(&ids).lines().for_each(|id| _ = server.ask(&format!("kill {id}")));
});
