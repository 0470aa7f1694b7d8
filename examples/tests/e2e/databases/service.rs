//! Databases that shops share.

use auth_servers::{MariaDbServer, PostgresServer};

use crate::harness::{Scratch, Shop, shop_at};

/// A server that can go away and come back.
pub(super) trait Server {
    fn start() -> Self;
    fn url(&self) -> String;
    fn kill(&mut self);
    fn start_again(&mut self);
    fn hang(&self);
    fn go_on(&self);
    /// Ends the connections of everybody else.
    fn hang_up(&self);
}

macro_rules! server {
    ($server:ident, $hang_up:expr) => {
        impl Server for $server {
            fn start() -> Self {
                Self::start()
            }

            fn url(&self) -> String {
                self.url()
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

server!(PostgresServer, |server: &PostgresServer| {
    let all = "pid <> pg_backend_pid() and backend_type = 'client backend'";
    server.ask(&format!("select pg_terminate_backend(pid) from pg_stat_activity where {all}"))
});

server!(MariaDbServer, |server: &MariaDbServer| {
    let all = "id <> connection_id() and user = 'tests'";
    let ids = format!("select id from information_schema.processlist where {all}");
    server.ask(&ids).lines().for_each(|id| _ = server.ask(&format!("kill {id}")));
});

/// A database, and what shops need to be one service.
pub(super) struct Service<S> {
    pub(super) server: S,
    folder: Scratch,
    options: &'static [&'static str],
}

impl<S: Server> Service<S> {
    /// The options are for every shop.
    pub(super) fn start(options: &'static [&'static str]) -> Self {
        Self { server: S::start(), folder: Scratch::new(), options }
    }

    /// One more shop.
    pub(super) fn shop(&self) -> Shop {
        shop_at(&self.server.url(), &self.folder, self.options)
    }

    /// Two shops.
    pub(super) fn shops(&self) -> [Shop; 2] {
        [self.shop(), self.shop()]
    }
}

/// The URL of a file of SQLite in this folder.
pub(super) fn file(folder: &Scratch) -> String {
    format!("sqlite:{}", folder.join("shop.db").display())
}
