//! Caddy or Traefik in front of servers, with a configuration that a test states, such as one of the guide.

use std::net::{Ipv4Addr, TcpStream};

use crate::child::Program;
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::wait::until;

/// Neither certificates nor an interface for administration. Files are written only into the folder.
const CADDY: &str = "{\n    admin off\n    auto_https off\n}\n";

/// A proxy that serves a site by plain HTTP, as `localhost`.
pub struct Site {
    port: u16,
    _program: Program,
    _folder: Scratch,
}

impl Site {
    /// Starts Caddy with a site, which begins with the name of its host.
    ///
    /// # Panics
    ///
    /// Panics if Caddy does not start.
    #[must_use]
    pub fn by_caddy(site: &str) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        let (_, site) = site.split_once('{').expect("a site with a block");
        let settings = format!("{CADDY}http://localhost:{port} {{{site}");
        std::fs::write(folder.path().join("Caddyfile"), settings).expect("a file of settings");
        let here = folder.path().to_str().expect("a folder with a name");
        let command = ["env", &format!("HOME={here}"), &format!("XDG_CONFIG_HOME={here}")];
        let command = [&command[..], &["caddy", "run", "--config", "Caddyfile"]].concat();
        Self::start(folder, port, &command)
    }

    /// Starts Traefik with a dynamic configuration in YAML, whose rules name the host `localhost`.
    ///
    /// # Panics
    ///
    /// Panics if Traefik does not start.
    #[must_use]
    pub fn by_traefik(settings: &str) -> Self {
        let (folder, port) = (Scratch::new(), free_port());
        std::fs::write(folder.path().join("site.yml"), settings).expect("a file of settings");
        let address = format!("--entrypoints.web.address=127.0.0.1:{port}");
        let quiet = ["--global.checknewversion=false", "--global.sendanonymoususage=false"];
        let command = ["traefik", &address, "--providers.file.filename=site.yml"];
        Self::start(folder, port, &[&command[..], &quiet].concat())
    }

    fn start(folder: Scratch, port: u16, command: &[&str]) -> Self {
        let command: Vec<_> = command.iter().map(|&word| word.to_owned()).collect();
        let program = Program::start(folder.path(), &command);
        until("the proxy listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        Self { port, _program: program, _folder: folder }
    }

    /// Returns the port on which it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

auth_core::redacted_debug!(Site { port });
