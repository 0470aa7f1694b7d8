//! What the command line says.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::headers::Transport;

/// A shop behind sessions or tokens.
#[derive(Clone, Debug, Parser)]
#[command(name = "shop")]
pub struct Options {
    /// What tells who sends a request
    #[arg(long, value_enum, default_value_t = AuthKind::Session)]
    pub auth: AuthKind,

    /// Where sign-ins are kept, as a URL
    #[arg(long, value_name = "URL", default_value = "memory:")]
    pub store: String,

    /// The address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// After how many seconds without a request a sign-in ends
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    idle: u32,

    /// After how many seconds a sign-in ends in any case
    #[arg(long, value_name = "SECONDS", default_value_t = 86400)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    absolute: u32,

    /// A proxy in front ends TLS: cookies for TLS only, and HSTS. Without it the shop speaks plain
    /// http, for development, on loopback addresses alone
    #[arg(long)]
    behind_tls: bool,
}

/// What tells who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum AuthKind {
    /// Sessions: a secret in a cookie, or in an `Authorization` header
    Session,
    /// JSON Web Tokens
    Jwt,
    /// Sessions for browsers, tokens for others
    Both,
}

impl Options {
    /// After how long without a request a sign-in ends.
    #[must_use]
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle.into())
    }

    /// After how long a sign-in ends in any case.
    #[must_use]
    pub fn absolute(&self) -> Duration {
        Duration::from_secs(self.absolute.into())
    }

    /// How clients reach the shop.
    ///
    /// # Errors
    /// If everybody on the network could reach it without TLS, and read passwords and cookies.
    pub fn transport(&self) -> Result<Transport, &'static str> {
        if self.behind_tls {
            return Ok(Transport::BehindTls);
        }
        if self.listen.ip().is_loopback() {
            return Ok(Transport::InsecureLoopback);
        }
        Err(
            "without TLS the shop listens on loopback addresses only: put a proxy that ends TLS in \
             front of it and say --behind-tls, or use --listen 127.0.0.1:3000",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from(["shop"].iter().chain(args))
    }

    #[test]
    fn the_defaults_are_sessions_in_memory_on_loopback() {
        let options = parse(&[]).unwrap();
        assert_eq!((options.auth, &*options.store), (AuthKind::Session, "memory:"));
        assert_eq!(options.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(options.transport(), Ok(Transport::InsecureLoopback));
        assert_eq!((options.idle().as_secs(), options.absolute().as_secs()), (3600, 86400));
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        for args in [["--idle", "0"], ["--absolute", "0"], ["--idle", "-1"], ["--absolute", "x"]] {
            assert!(parse(&args).is_err(), "{args:?}");
        }
        assert_eq!(parse(&["--idle", "1"]).unwrap().idle(), Duration::from_secs(1));
    }

    #[test]
    fn other_machines_are_served_behind_tls_only() {
        for address in ["0.0.0.0:80", "192.0.2.1:3000", "[::]:3000"] {
            assert!(parse(&["--listen", address]).unwrap().transport().is_err(), "{address}");
            let behind = parse(&["--listen", address, "--behind-tls"]).unwrap();
            assert_eq!(behind.transport(), Ok(Transport::BehindTls));
        }
        assert!(parse(&["--listen", "[::1]:0"]).unwrap().transport().is_ok());
    }
}
