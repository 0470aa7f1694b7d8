//! PgBouncer, a connection pooler in front of a PostgreSQL server.

use std::net::{Ipv4Addr, TcpStream};

use crate::child::Program;
use crate::daemon::{PASSWORD, USER, answer};
use crate::ports::free_port;
use crate::postgres::{PostgresServer, as_account, psql};
use crate::scratch::Scratch;
use crate::wait::until;

/// A pooler for all databases of a server.
pub struct PgBouncer {
    _program: Program,
    _folder: Scratch,
    port: u16,
}

impl PgBouncer {
    /// Starts a pooler with this `pool_mode` and further settings, such as `default_pool_size = 1`.
    ///
    /// # Panics
    /// Panics if it does not start.
    #[must_use]
    pub fn start(server: &PostgresServer, pool_mode: &str, settings: &[&str]) -> Self {
        let (folder, port, server) = (Scratch::new(), free_port(), server.port());
        let config = format!(
            "[databases]\n\
             * = host=127.0.0.1 port={server} user={USER} password={PASSWORD}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             admin_users = {USER}\n\
             pool_mode = {pool_mode}\n\
             {}\n",
            settings.join("\n")
        );
        std::fs::write(folder.path().join("config"), config).expect("the file is written");
        let mut command = as_account();
        command.extend(["pgbouncer".to_owned(), "config".to_owned()]);
        let program = Program::start(folder.path(), &command);
        until("PgBouncer listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        Self { _program: program, _folder: folder, port }
    }

    /// Returns the URL of this database through the pooler.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Changes the `pool_mode`, also for the clients that are connected.
    ///
    /// # Panics
    /// Panics if the pooler refuses.
    pub fn set_pool_mode(&self, mode: &str) {
        let console = self.url_of("pgbouncer");
        answer(&mut psql(&console, &format!("SET pool_mode = '{mode}'"))).expect("it is set");
    }

    /// Executes SQL through the pooler as another client.
    ///
    /// # Panics
    /// Panics if the client fails.
    #[must_use]
    pub fn ask_in(&self, database: &str, sql: &str) -> String {
        answer(&mut psql(&self.url_of(database), sql)).expect("the client succeeds")
    }
}

auth_core::redacted_debug!(PgBouncer { port });
