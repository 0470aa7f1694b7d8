//! Caddy in front of servers.

use std::fmt;
use std::net::{Ipv4Addr, TcpStream};

use crate::child::Program;
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::wait::until;

/// Neither certificates nor an interface for administration. Files are written only into the folder.
const OPTIONS: &str = "{\n    admin off\n    auto_https off\n}\n";

/// A proxy with the configuration of a site.
pub struct Caddy {
    port: u16,
    _program: Program,
    _folder: Scratch,
}

impl Caddy {
    /// Starts Caddy with this site, which begins with the name of its host. It is served by plain HTTP, as
    /// `localhost`.
    ///
    /// # Panics
    ///
    /// Panics if Caddy does not start.
    #[must_use]
    pub fn serving(site: &str) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let (_, site) = site.split_once('{').expect("a site with a block");
        let settings = format!("{OPTIONS}http://localhost:{port} {{{site}");
        std::fs::write(folder.path().join("Caddyfile"), settings).expect("a file of settings");
        let here = folder.path().to_str().expect("a folder with a name");
        let command = ["env", &format!("HOME={here}"), &format!("XDG_CONFIG_HOME={here}")];
        let command = [&command[..], &["caddy", "run", "--config", "Caddyfile"]].concat();
        let command: Vec<_> = command.into_iter().map(str::to_owned).collect();
        let program = Program::start(folder.path(), &command);
        until("Caddy listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        Self { port, _program: program, _folder: folder }
    }

    /// Returns the port on which it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Debug for Caddy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caddy").field("port", &self.port).finish_non_exhaustive()
    }
}
