//! Servers of databases.

use auth_servers::{MariaDbServer, PostgresServer};

/// A server that can go away and come back.
pub(crate) trait Database {
    fn start() -> Self;
    fn url(&self) -> String;
    fn port(&self) -> u16;
    fn kill(&mut self);
    fn start_again(&mut self);
    fn hang(&self);
    fn go_on(&self);
    /// Ends the connections of everybody else.
    fn hang_up(&self);
}

macro_rules! database {
    ($server:ident, $hang_up:expr) => {
        impl Database for $server {
            fn start() -> Self {
                Self::start()
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

            fn start_again(&mut self) {
                self.start_again();
            }

            fn hang(&self) {
                self.hang();
            }

            fn go_on(&self) {
                self.go_on();
            }

            fn hang_up(&self) {
                $hang_up(self);
            }
        }
    };
}

database!(PostgresServer, |server: &PostgresServer| {
    let all = "pid <> pg_backend_pid() and backend_type = 'client backend'";
    server.ask(&format!("select pg_terminate_backend(pid) from pg_stat_activity where {all}"))
});

database!(MariaDbServer, |server: &MariaDbServer| {
    let all = "id <> connection_id() and user = 'tests'";
    let ids = format!("select id from information_schema.processlist where {all}");
    server.ask(&ids).lines().for_each(|id| _ = server.ask(&format!("kill {id}")));
});
