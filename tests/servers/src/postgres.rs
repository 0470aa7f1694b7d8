//! One PostgreSQL server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Signal, geteuid};

use crate::authority::Authority;
use crate::daemon::{Daemon, answer, copy, run};
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::wait::until;

/// Whom PostgreSQL runs as when the tests are root's: it refuses root.
const ACCOUNT: &str = "postgres";
const USER: &str = "tests";
const PASSWORD: &str = "wonderland";

/// What was committed survives a killed process without a call of `fsync`. Only the machine's end
/// would take it.
const BASICS: [&str; 6] = [
    "--listen_addresses=127.0.0.1",
    "--unix_socket_directories=",
    "--fsync=off",
    "--full_page_writes=off",
    "--shared_buffers=32MB",
    "--max_connections=200",
];

/// One PostgreSQL server. Its data is kept over [`kill`](Self::kill) and
/// [`start_again`](Self::start_again).
pub struct PostgresServer {
    daemon: Daemon,
    port: u16,
}

impl PostgresServer {
    /// The database that is there from the start.
    pub const DATABASE: &str = "postgres";

    /// Starts a server with no settings but those that it needs.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with these settings, as in `["--timezone=America/New_York"]`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        Self::make(settings, |_| {})
    }

    /// Starts a server that speaks TLS, too, with this authority's certificate.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn with_tls(authority: &Authority) -> Self {
        // PostgreSQL takes a key that belongs to itself alone.
        Self::make(&["--ssl=on", "--ssl_cert_file=cert", "--ssl_key_file=key"], |data| {
            for name in ["cert", "key"] {
                let owner: &[&str] = if geteuid().is_root() { &["-o", ACCOUNT] } else { &[] };
                let mut install = Command::new("install");
                run(install.args(owner).args(["-m", "600", &authority.file(name)]).arg(data));
            }
        })
    }

    fn make(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let data = folder.path().join("data");
        copy(&template().path().join("data"), &data);
        prepare(&data);
        let data = data.to_str().expect("a folder with a name");
        let mut command = as_account();
        command.push(binary("postgres").to_str().expect("a program with a name").to_owned());
        command.extend(["-D", data, "-p", &port.to_string()].map(str::to_owned));
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

    /// `postgres://..`, with user and password, of the database that is there from the start.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(Self::DATABASE)
    }

    /// `postgres://..`, with user and password, of this database.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
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

    /// Stops all processes where they stand: the server hangs, and connections to it stay open.
    pub fn hang(&self) {
        self.daemon.signal(Signal::STOP);
    }

    /// Lets them go on.
    pub fn go_on(&self) {
        self.daemon.signal(Signal::CONT);
    }

    /// Kills all processes.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Starts it again where it was, and waits until it answers.
    pub fn start_again(&mut self) {
        self.daemon.start();
        until("PostgreSQL answers", || self.try_ask("select 1").ok());
    }

    /// What `psql` says to this: one line for each row, with `|` between the columns.
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

    /// What `psql` says to this, unless the server is not reached or refuses.
    ///
    /// # Errors
    /// What `psql` complains of.
    pub fn try_ask(&self, sql: &str) -> Result<String, String> {
        self.try_ask_in(Self::DATABASE, sql)
    }

    fn try_ask_in(&self, database: &str, sql: &str) -> Result<String, String> {
        answer(&mut Self::psql(&self.url_of(database), sql))
    }

    /// A client that says this and waits for the answer, and does not run yet.
    #[must_use]
    pub fn client(&self, sql: &str) -> Command {
        Self::psql(&self.url(), sql)
    }

    fn psql(url: &str, sql: &str) -> Command {
        let mut psql = Command::new(binary("psql"));
        psql.env("PGCONNECT_TIMEOUT", "5").args(["-XAtq", "-d", url, "-c", sql]);
        psql
    }
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresServer").field("port", &self.port).finish_non_exhaustive()
    }
}

/// A folder with the data of a new server, which is made once in a process and copied.
fn template() -> &'static Scratch {
    static TEMPLATE: OnceLock<Scratch> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = Scratch::until_the_end();
        let (data, password) = (folder.path().join("data"), folder.path().join("password"));
        std::fs::create_dir(&data).expect("a folder for the data");
        std::fs::write(&password, PASSWORD).expect("a file");
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
    })
}

/// What a command begins with so that it is not root's.
fn as_account() -> Vec<String> {
    if !geteuid().is_root() {
        return Vec::new();
    }
    let (user, group) = (format!("--reuid={ACCOUNT}"), format!("--regid={ACCOUNT}"));
    ["setpriv", &user, &group, "--init-groups"].map(str::to_owned).to_vec()
}

/// One of PostgreSQL's programs: in the path, or where Debian has them, the newest there.
fn binary(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.exists());
    let of_version = |entry: std::io::Result<std::fs::DirEntry>| {
        let version: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let program = PathBuf::from(format!("{DEBIAN}/{version}/bin/{name}"));
        program.exists().then_some((version, program))
    };
    let newest = || std::fs::read_dir(DEBIAN).ok()?.filter_map(of_version).max();
    found
        .or_else(|| newest().map(|(_, program)| program))
        .unwrap_or_else(|| panic!("there is no `{name}`: tests/run installs PostgreSQL"))
}

const DEBIAN: &str = "/usr/lib/postgresql";
