//! A PostgreSQL server.
//!
//! The data directory is initialized once for each test process and copied for each server, because
//! `initdb` takes seconds. PostgreSQL refuses to run as root, so root's tests run it as `postgres`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use rustix::process::geteuid;

use crate::authority::Authority;
use crate::daemon::{Daemon, PASSWORD, USER, answer, copy, database_server, run};
use crate::ports::free_port;
use crate::scratch::Scratch;

/// The account that PostgreSQL runs as if the tests run as root.
const ACCOUNT: &str = "postgres";

/// Committed data survives a killed process without `fsync`, which only a failure of the machine
/// requires.
const BASE_SETTINGS: [&str; 6] = [
    "--listen_addresses=127.0.0.1",
    "--unix_socket_directories=",
    "--fsync=off",
    "--full_page_writes=off",
    "--shared_buffers=32MB",
    "--max_connections=200",
];

/// A PostgreSQL server. Its data survives [`kill`](Self::kill) and
/// [`start_again`](Self::start_again).
pub struct PostgresServer {
    daemon: Daemon,
    port: u16,
}

impl PostgresServer {
    /// The name of the initial database.
    pub const DATABASE: &str = "postgres";

    /// Starts a server with these settings, such as `["--timezone=America/New_York"]`.
    ///
    /// # Panics
    ///
    /// Panics if the server does not start.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        Self::start_with(settings, |_| {})
    }

    /// Starts a server that also accepts TLS, with a certificate of this authority.
    ///
    /// # Panics
    ///
    /// Panics if the server does not start.
    #[must_use]
    pub fn with_tls(authority: &Authority) -> Self {
        // PostgreSQL accepts a key only if its own account alone can read it.
        Self::start_with(&["--ssl=on", "--ssl_cert_file=cert", "--ssl_key_file=key"], |data| {
            for name in ["cert", "key"] {
                let owner: &[&str] = if geteuid().is_root() { &["-o", ACCOUNT] } else { &[] };
                let mut install = Command::new("install");
                run(install.args(owner).args(["-m", "600", &authority.file(name)]).arg(data));
            }
        })
    }

    fn start_with(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let data = folder.path().join("data");
        copy(&TEMPLATE.join("data"), &data);
        prepare(&data);
        let data = data.to_str().expect("the path is UTF-8");
        let mut command = as_account();
        command.push(binary("postgres").to_str().expect("the path is UTF-8").to_owned());
        command.extend(["-D", data, "-p", &port.to_string()].map(str::to_owned));
        command.extend(BASE_SETTINGS.iter().chain(settings).map(|setting| (*setting).to_owned()));
        let mut server = Self { daemon: Daemon::new(folder, command), port };
        server.start_again();
        server
    }

    fn try_ask_in(&self, database: &str, sql: &str) -> Result<String, String> {
        answer(&mut psql(&self.url_of(database), sql))
    }

    /// Returns the command of a client that executes this SQL.
    #[must_use]
    pub fn client(&self, sql: &str) -> Command {
        psql(&self.url(), sql)
    }

    /// Makes the server a standby from the next start on. `select pg_promote()` makes it a primary again.
    ///
    /// # Panics
    /// Panics if the file that decides it cannot be written.
    pub fn demote(&self) {
        let signal = self.daemon.folder().join("data/standby.signal");
        std::fs::write(&signal, "").expect("the file is written");
        if geteuid().is_root() {
            run(Command::new("chown").arg(ACCOUNT).arg(&signal)); // which removes it at a promotion
        }
    }
}

/// Returns the command of PostgreSQL's client.
pub(crate) fn psql(url: &str, sql: &str) -> Command {
    let mut psql = Command::new(binary("psql"));
    psql.env("PGCONNECT_TIMEOUT", "5").args(["-XAtq", "-d", url, "-c", sql]);
    psql
}

database_server!(PostgresServer, "PostgreSQL", "postgres");

/// The folder with the data of a new server.
static TEMPLATE: LazyLock<Scratch> = LazyLock::new(|| {
    let folder = Scratch::until_the_end();
    let (data, password) = (folder.path().join("data"), folder.path().join("password"));
    std::fs::create_dir(&data).expect("the folder is created");
    std::fs::write(&password, PASSWORD).expect("the file is written");
    if geteuid().is_root() {
        run(Command::new("chown").arg(ACCOUNT).arg(&data));
    }
    let initdb = [as_account(), vec![binary("initdb").to_string_lossy().into_owned()]].concat();
    run(Command::new(&initdb[0])
        .args(&initdb[1..])
        .current_dir(folder.path())
        .args(["--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8"])
        .args(["--auth=md5", "--username", USER, "--pwfile"]) // SCRAM is slow if not optimized
        .arg(&password)
        .arg("-D")
        .arg(&data));
    folder
});

/// Returns the prefix of a command that must not run as root.
pub(crate) fn as_account() -> Vec<String> {
    if !geteuid().is_root() {
        return Vec::new();
    }
    let (user, group) = (format!("--reuid={ACCOUNT}"), format!("--regid={ACCOUNT}"));
    ["setpriv", &user, &group, "--init-groups"].map(str::to_owned).to_vec()
}

/// Returns the path of one of PostgreSQL's programs: in `PATH`, or the newest version in Debian's
/// folder.
fn binary(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.exists());
    let by_version = |entry: std::io::Result<std::fs::DirEntry>| {
        let version: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let program = PathBuf::from(format!("{DEBIAN}/{version}/bin/{name}"));
        program.exists().then_some((version, program))
    };
    let newest = || std::fs::read_dir(DEBIAN).ok()?.filter_map(by_version).max();
    found
        .or_else(|| newest().map(|(_, program)| program))
        .unwrap_or_else(|| panic!("`{name}` is not installed: tests/run installs PostgreSQL"))
}

const DEBIAN: &str = "/usr/lib/postgresql";
