//! A MariaDB server.
//!
//! The data directory is initialized once for each test process and copied for each server, because
//! `mariadb-install-db` takes seconds.

use std::process::Command;
use std::sync::LazyLock;

use rustix::process::geteuid;

use crate::daemon::{Daemon, PASSWORD, USER, answer, copy, database_server, run};
use crate::ports::free_port;
use crate::scratch::Scratch;

/// The files are small, and committed data survives a killed process without `fsync`, which only a
/// failure of the machine requires.
const BASE_SETTINGS: [&str; 4] = [
    "--debug-no-sync",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
];

/// A MariaDB server. Its data survives [`kill`](Self::kill) and
/// [`start_again`](Self::start_again).
pub struct MariaDbServer {
    daemon: Daemon,
    port: u16,
}

impl MariaDbServer {
    /// The name of the initial database.
    pub const DATABASE: &str = "tests";

    /// Starts a server with these settings, such as `["--default-time-zone=-05:00"]`.
    ///
    /// # Panics
    ///
    /// Panics if the server does not start.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let path = folder.path().to_str().expect("the path is UTF-8").to_owned();
        copy(&TEMPLATE.join("data"), &folder.path().join("data"));
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
        command.extend(BASE_SETTINGS.iter().chain(settings).map(|setting| (*setting).to_owned()));
        let mut server = Self { daemon: Daemon::new(folder, command), port };
        server.start_again();
        server
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

database_server!(MariaDbServer, "MariaDB", "mysql");

/// The folder with the data of a new server.
static TEMPLATE: LazyLock<Scratch> = LazyLock::new(|| {
    let folder = Scratch::until_the_end();
    let (data, sql) = (folder.path().join("data"), folder.path().join("users.sql"));
    let database = MariaDbServer::DATABASE;
    let users = format!(
        "flush privileges;\n\
             create user {USER}@'%' identified by '{PASSWORD}';\n\
             grant all on *.* to {USER}@'%';\n\
             create database {database};\n"
    );
    std::fs::write(&sql, users).expect("the file is written");
    run(Command::new("mariadb-install-db")
        .args(["--no-defaults", "--skip-test-db"])
        .args(as_root())
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--extra-file={}", sql.display()))
        .args(BASE_SETTINGS));
    folder
});

/// Returns the option without which MariaDB refuses to run as root.
fn as_root() -> Option<String> {
    geteuid().is_root().then(|| "--user=root".to_owned())
}
