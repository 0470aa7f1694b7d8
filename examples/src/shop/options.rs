//! The command line of the shop.
//!
//! clap makes `--help` from the doc comments of the fields, which therefore have no full stop at the
//! end. An option that the shop cannot run with is an error here, before anything is opened.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use auth_store::Lifetime;
use clap::{Parser, ValueEnum};

use super::store::StoreUrl;
use crate::users::Users;

/// A shop with sessions, tokens, or both
#[derive(Clone, Debug, Parser)]
#[command(name = "shop")]
pub struct Options {
    /// The kind of credential that requests carry
    #[arg(long, value_enum, default_value_t = AuthKind::Both)]
    pub auth: AuthKind,

    /// Where sign-ins are kept.
    #[arg(long, value_name = "URL", default_value = "memory:", help = STORE)]
    pub store: StoreUrl,

    /// Read Redis or PostgreSQL on every request. By default, the shop answers from cached sign-ins
    /// while these stores report every change. If the reports stop, the shop reads the store again
    /// within two seconds. Other stores report no changes, so this option has no effect on them
    #[arg(long)]
    no_near_cache: bool,

    /// Answer from cached sign-ins up to this age, with MongoDB, MySQL or SQLite. These stores do not report
    /// what other shops end or change. By default, the shop reads them on every request
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_near_cache")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    stale_for: Option<u32>,

    /// The address and port to listen on; port 0 selects any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// After how many seconds without a request a session ends
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    idle: u32,

    /// After how many seconds an access token expires and must be refreshed
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    access: u32,

    /// After how many seconds without a request the sign-in of a token ends; 14 days by default
    #[arg(long, value_name = "SECONDS", default_value_t = 1_209_600)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    refresh: u32,

    /// After how many seconds a sign-in ends even if it is used [default: 86400 (a day) for sessions;
    /// for tokens 2592000 (30 days), or --refresh if that is longer]
    #[arg(long, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    absolute: Option<u32>,

    /// The private key that signs tokens, in PEM (PKCS#8): Ed25519, EC P-256 or RSA. If the file does
    /// not exist, it is created with a new Ed25519 key. By default, the shop signs with a new key that
    /// is lost when it stops
    #[arg(long, value_name = "FILE")]
    pub signing_key: Option<PathBuf>,

    /// Add this many users for load tests: `customer1`, `customer2` and so on. Their password is
    /// `guest`, hashed cheaply
    #[arg(long, value_name = "COUNT")]
    customers: Option<u32>,

    /// A proxy in front of the shop terminates TLS: cookies are for TLS only, and the shop sends HSTS. The proxy adds
    /// the address of the client to the header `X-Forwarded-For`, if the shop should limit guesses by it.
    /// Without this option the shop serves plain HTTP for development, on loopback addresses only
    #[arg(long)]
    behind_tls: bool,

    /// Whether the page shows what its requests carry and how the shop decides about them. Only for
    /// development, because clients then learn why a credential was rejected [default: on, or off with
    /// --behind-tls]
    #[arg(long, value_enum, value_name = "SWITCH")]
    inspector: Option<Switch>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// The kind of credential that requests carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum AuthKind {
    /// Sessions: a secret in a cookie, or in an `Authorization` header
    Session,
    /// JSON Web Tokens, and a cookie to refresh them
    Jwt,
    /// Sessions by default, and tokens for clients that ask for them
    Both,
}

/// How clients reach the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployment {
    /// Through a proxy that terminates TLS.
    BehindTls,
    /// With plain HTTP on this machine, for development.
    InsecureLoopback,
}

const STORE: &str = "\
Where sign-ins are kept. memory: belongs to this process and is lost when it stops. All other stores are \
shared by the shops with the same URL and the same signing key, and survive a restart: sqlite:FILE for \
shops on one machine; postgres://USER:PASSWORD@HOST[:PORT]/DATABASE; mysql: (or mariadb:) and mongodb: \
likewise; redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], redis+sentinel://HOST[,HOST]/SERVICE or \
redis+cluster://HOST[,HOST], and rediss instead of redis for TLS. The shop creates missing tables and indexes. Other \
users of this machine may be able to see the command line, with the password";

const DAY: u32 = 86_400;
/// The limit for a sign-in that tokens refresh (NIST SP 800-63B-4 section 2.1.3).
const MONTH: u32 = 30 * DAY;

impl Options {
    /// Returns how long a session lasts.
    #[must_use]
    pub fn session(&self) -> Lifetime {
        lifetime(self.idle, self.absolute.unwrap_or(DAY))
    }

    /// Returns how long the sign-in of a token lasts.
    #[must_use]
    pub fn token_sign_in(&self) -> Lifetime {
        lifetime(self.refresh, self.absolute.unwrap_or(MONTH.max(self.refresh)))
    }

    /// Returns how long an access token lasts.
    #[must_use]
    pub fn access(&self) -> Duration {
        Duration::from_secs(self.access.into())
    }

    /// Returns whether the shop caches sign-ins of a store that reports changes.
    #[must_use]
    pub fn near_cache(&self) -> bool {
        !self.no_near_cache
    }

    /// Returns how old cached sign-ins may be of a store that does not report changes.
    #[must_use]
    pub fn stale_for(&self) -> Option<Duration> {
        self.stale_for.map(|secs| Duration::from_secs(secs.into()))
    }

    /// Returns whether the inspector is on.
    #[must_use]
    pub fn inspector(&self) -> bool {
        !self.behind_tls && self.inspector != Some(Switch::Off)
    }

    /// Returns the demo users, and the customers that the command line adds.
    ///
    /// # Panics
    ///
    /// Panics if the system does not provide random numbers.
    #[must_use]
    pub fn users(&self) -> Users {
        match self.customers {
            Some(count) => Users::demo().customers(count),
            None => Users::demo(),
        }
    }

    /// Returns how clients reach the shop.
    ///
    /// # Errors
    ///
    /// Returns an error if other machines could reach the shop without TLS: passwords and cookies would
    /// be readable on the network. Also returns an error if they could reach the inspector.
    pub fn deployment(&self) -> Result<Deployment, &'static str> {
        if self.behind_tls && self.inspector == Some(Switch::On) {
            return Err(
                "--inspector on is for development: it tells clients why a credential was \
                 rejected, so it cannot be combined with --behind-tls",
            );
        }
        if self.behind_tls {
            return Ok(Deployment::BehindTls);
        }
        if self.listen.ip().is_loopback() {
            return Ok(Deployment::InsecureLoopback);
        }
        Err(
            "without TLS the shop listens on loopback addresses only: put a proxy in front of it that \
             terminates TLS and pass --behind-tls, or pass --listen 127.0.0.1:3000",
        )
    }
}

/// The limits are at least one second, because the options are.
fn lifetime(idle: u32, absolute: u32) -> Lifetime {
    let secs = |secs: u32| Duration::from_secs(secs.into());
    Lifetime::new(Some(secs(idle)), secs(absolute)).expect("limits of at least one second")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from(["shop"].iter().chain(args))
    }

    fn secs(lifetime: Lifetime) -> (u64, u64) {
        (lifetime.idle().unwrap().as_secs(), lifetime.absolute().as_secs())
    }

    #[test]
    fn the_default_is_both_kinds_in_memory_on_loopback() {
        let options = parse(&[]).unwrap();
        assert_eq!((options.auth, options.store.as_str()), (AuthKind::Both, "memory:"));
        assert_eq!(options.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(options.deployment(), Ok(Deployment::InsecureLoopback));
        assert_eq!(options.signing_key, None);
        assert!(options.near_cache());
        assert_eq!(options.stale_for(), None);
        assert!(!parse(&["--no-near-cache"]).unwrap().near_cache());
    }

    #[test]
    fn the_inspector_is_refused_behind_tls() {
        for on in [&[][..], &["--inspector", "on"]] {
            let options = parse(on).unwrap();
            assert!(options.inspector() && options.deployment().is_ok(), "{on:?}");
        }
        for off in [&["--inspector", "off"][..], &["--behind-tls"]] {
            let options = parse(off).unwrap();
            assert!(!options.inspector() && options.deployment().is_ok(), "{off:?}");
        }
        let both = parse(&["--behind-tls", "--inspector", "on"]).unwrap();
        assert!(!both.inspector());
        assert!(both.deployment().unwrap_err().contains("--inspector on is for development"));
        assert!(parse(&["--inspector"]).is_err() && parse(&["--inspector", "yes"]).is_err());
    }

    #[test]
    fn stale_for_conflicts_with_no_near_cache() {
        let stale_for = parse(&["--stale-for", "3"]).unwrap().stale_for();
        assert_eq!(stale_for, Some(Duration::from_secs(3)));
        for wrong in [&["--stale-for", "0"][..], &["--stale-for", "3", "--no-near-cache"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sec_74_debug_output_does_not_contain_the_password() {
        let options = parse(&["--store", "redis://ada:hunter2@h"]).unwrap();
        assert!(!format!("{options:?}").contains("hunter2"), "{options:?}");
    }

    #[test]
    fn by_default_sessions_last_a_day_and_token_sign_ins_a_month() {
        let options = parse(&[]).unwrap();
        assert_eq!(secs(options.session()), (3600, 86_400));
        assert_eq!(secs(options.token_sign_in()), (1_209_600, 2_592_000));
        assert_eq!(options.access().as_secs(), 300);
        let longer = parse(&["--refresh", "5000000"]).unwrap();
        assert_eq!(secs(longer.token_sign_in()), (5_000_000, 5_000_000));
        assert_eq!(secs(longer.session()), (3600, 86_400));
    }

    #[test]
    fn absolute_limits_both_kinds() {
        let options = parse(&["--idle", "7", "--refresh", "8", "--absolute", "100"]).unwrap();
        assert_eq!(secs(options.session()), (7, 100));
        assert_eq!(secs(options.token_sign_in()), (8, 100));
    }

    #[test]
    fn a_zero_limit_is_rejected() {
        for option in ["--idle", "--access", "--refresh", "--absolute"] {
            for limit in ["0", "-1", "x"] {
                assert!(parse(&[option, limit]).is_err(), "{option} {limit}");
            }
            assert!(parse(&[option, "1"]).is_ok(), "{option}");
        }
    }

    #[test]
    fn other_addresses_require_tls() {
        for address in ["0.0.0.0:80", "192.0.2.1:3000", "[::]:3000"] {
            assert!(parse(&["--listen", address]).unwrap().deployment().is_err(), "{address}");
            let behind = parse(&["--listen", address, "--behind-tls"]).unwrap();
            assert_eq!(behind.deployment(), Ok(Deployment::BehindTls));
        }
        assert!(parse(&["--listen", "[::1]:0"]).unwrap().deployment().is_ok());
    }
}
