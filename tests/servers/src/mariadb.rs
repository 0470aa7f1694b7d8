//! One MariaDB server.

use std::fmt;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Signal, geteuid};

use crate::daemon::{Daemon, answer, copy, run};
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::wait::until;

const USER: &str = "tests";
const PASSWORD: &str = "wonderland";

/// The files are small, and what was committed survives a killed process without a call of `fsync`.
/// Only the machine's end would take it.
const BASICS: [&str; 3] = [
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
];

/// One MariaDB server. Its data is kept over [`kill`](Self::kill) and
/// [`start_again`](Self::start_again).
pub struct MariaDbServer {
    daemon: Daemon,
    port: u16,
}

impl MariaDbServer {
    /// The database that is there from the start.
    pub const DATABASE: &str = "tests";

    /// Starts a server with no settings but those that it needs.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with these settings, as in `["--default-time-zone=-05:00"]`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let path = folder.path().to_str().expect("a folder with a name").to_owned();
        copy(&template().path().join("data"), &folder.path().join("data"));
        let places = [
            format!("--datadir={path}/data"),
            format!("--socket={path}/socket"),
            format!("--pid-file={path}/pid"),
            format!("--port={port}"),
        ];
        let mut command =
            ["mariadbd", "--no-defaults", "--bind-address=127.0.0.1"].map(str::to_owned).to_vec();
        command.extend(as_root());
        command.extend(places);
        command.push("--skip-name-resolve".to_owned());
        command.extend(BASICS.iter().chain(settings).map(|word| (*word).to_owned()));
        let mut server = Self { daemon: Daemon::new(folder, command), port };
        server.start_again();
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `mysql://..`, with user and password, of the database that is there from the start.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(Self::DATABASE)
    }

    /// `mysql://..`, with user and password, of this database.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// A new, empty database: its name.
    ///
    /// # Panics
    /// If the server does not make one.
    #[must_use]
    pub fn new_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("tests_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let _ = self.ask(&format!("create database {name}"));
        name
    }

    /// Stops the process where it stands: it hangs, and connections to it stay open.
    pub fn hang(&self) {
        self.daemon.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.daemon.signal(Signal::CONT);
    }

    /// Kills the process.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Starts it again where it was, and waits until it answers.
    pub fn start_again(&mut self) {
        self.daemon.start();
        until("MariaDB answers", || self.try_ask("select 1").ok());
    }

    /// What the client `mariadb` says to this: one line for each row, with tabs between the columns.
    ///
    /// # Panics
    /// If the server is not reached, or refuses.
    #[must_use]
    pub fn ask(&self, sql: &str) -> String {
        self.ask_in(Self::DATABASE, sql)
    }

    /// The same, in this database.
    ///
    /// # Panics
    /// If the server is not reached, or refuses.
    #[must_use]
    pub fn ask_in(&self, database: &str, sql: &str) -> String {
        self.try_ask_in(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// What the client says to this, unless the server is not reached or refuses.
    ///
    /// # Errors
    /// What the client complains of.
    pub fn try_ask(&self, sql: &str) -> Result<String, String> {
        self.try_ask_in(Self::DATABASE, sql)
    }

    fn try_ask_in(&self, database: &str, sql: &str) -> Result<String, String> {
        let (port, password) = (self.port.to_string(), format!("--password={PASSWORD}"));
        answer(
            Command::new("mariadb")
                .args(["--no-defaults", "--connect-timeout=5", "--protocol=tcp", "-h", "127.0.0.1"])
                .args(["-P", &port, "-u", USER, &password, "-NB", "-e", sql, database]),
        )
    }
}

impl fmt::Debug for MariaDbServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MariaDbServer").field("port", &self.port).finish_non_exhaustive()
    }
}

/// A folder with the data of a new server, which is made once in a process and copied.
fn template() -> &'static Scratch {
    static TEMPLATE: OnceLock<Scratch> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = Scratch::until_the_end();
        let (data, sql) = (folder.path().join("data"), folder.path().join("users.sql"));
        let database = MariaDbServer::DATABASE;
        let users = format!(
            "flush privileges;\n\
             create user {USER}@'%' identified by '{PASSWORD}';\n\
             grant all on *.* to {USER}@'%';\n\
             create database {database};\n"
        );
        std::fs::write(&sql, users).expect("a file");
        run(Command::new("mariadb-install-db")
            .args(["--no-defaults", "--skip-test-db"])
            .args(as_root())
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--extra-file={}", sql.display()))
            .args(BASICS));
        folder
    })
}

/// MariaDB runs as root only if it is told to.
fn as_root() -> Option<String> {
    geteuid().is_root().then(|| "--user=root".to_owned())
}
