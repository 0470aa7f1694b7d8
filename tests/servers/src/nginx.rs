//! nginx in front of servers.
//!
//! It forwards requests to several servers in turn, asks a server whether a request may pass (`auth_request`), or
//! has locations that a test states.

use std::net::{Ipv4Addr, TcpStream};

use crate::child::Program;
use crate::ports::free_port;
use crate::scratch::Scratch;
use crate::wait::until;

/// One process in the foreground, so that ending it ends everything. Paths are relative to the folder in which
/// nginx is started.
const SETTINGS: &str = r#"
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000;
    upstream servers { SERVERS keepalive 64; }
    proxy_http_version 1.1;
    LOCATIONS
}
"#;

/// Passes requests to the servers. The header `x-served-by` names the server that has answered.
const FORWARDING: &str = r#"
    add_header X-Served-By $upstream_addr always;
    server {
        listen 127.0.0.1:PORT;
        location / {
            proxy_pass http://servers;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }
    }
    server {
        listen 127.0.0.1:OTHER;
        location / {
            proxy_pass http://servers;
            proxy_set_header Connection "";
        }
    }
"#;

/// Asks the servers whether a request may pass, as the documentation of `auth_request` shows it but with the
/// client's method, and passes it to a page that has no authentication of its own.
const ASKING: &str = r#"
    server {
        listen 127.0.0.1:PORT;
        location / {
            auth_request /.ask;
            proxy_pass http://127.0.0.1:OTHER;
        }
        location = /.ask {
            internal;
            proxy_pass http://servers$request_uri;
            proxy_method $request_method;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Connection $http_connection;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Host $http_host;
        }
    }
    server {
        listen 127.0.0.1:OTHER;
        location / { return 200 "private page"; }
    }
"#;

/// A proxy that passes requests to several servers in turn, or asks a server whether they may pass.
pub struct Nginx {
    port: u16,
    renaming: u16,
    _program: Program,
    _folder: Scratch,
}

impl Nginx {
    /// Starts nginx in front of the servers on these local ports.
    ///
    /// # Panics
    ///
    /// Panics if nginx does not start.
    #[must_use]
    pub fn in_front_of(ports: &[u16]) -> Self {
        Self::start(FORWARDING, ports)
    }

    /// Starts nginx in front of a page that only requests to which this server answers 200 may see
    /// (`auth_request`).
    ///
    /// # Panics
    ///
    /// Panics if nginx does not start.
    #[must_use]
    pub fn asking(port: u16) -> Self {
        Self::start(ASKING, &[port])
    }

    /// Starts nginx with these locations, such as those of the guide.
    ///
    /// # Panics
    ///
    /// Panics if nginx does not start.
    #[must_use]
    pub fn serving(locations: &str) -> Self {
        let other = "server { listen 127.0.0.1:OTHER; return 404; }";
        let servers = format!("server {{ listen 127.0.0.1:PORT; {locations} }} {other}");
        Self::start(&servers, &[1]) // the group of servers is not used
    }

    fn start(locations: &str, ports: &[u16]) -> Self {
        let (folder, port, renaming) = (Scratch::new(), free_port(), free_port());
        let servers: String =
            ports.iter().map(|port| format!("server 127.0.0.1:{port}; ")).collect();
        let settings = SETTINGS.replace("LOCATIONS", locations).replace("SERVERS", &servers);
        let settings = settings.replace("PORT", &port.to_string());
        let settings = settings.replace("OTHER", &renaming.to_string());
        std::fs::write(folder.path().join("nginx.conf"), settings).expect("a file of settings");
        let here = folder.path().to_str().expect("a folder with a name");
        let command = ["nginx", "-p", here, "-c", "nginx.conf", "-e", "stderr"];
        let program = Program::start(folder.path(), &command.map(str::to_owned));
        for port in [port, renaming] {
            until("nginx listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        }
        Self { port, renaming, _program: program, _folder: folder }
    }

    /// Returns the port on which requests keep the client's `Host`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the port on which requests get the `Host` that nginx sets by default: the name of the group of
    /// servers.
    #[must_use]
    pub fn renaming_port(&self) -> u16 {
        self.renaming
    }
}

auth_core::redacted_debug!(Nginx { port });
