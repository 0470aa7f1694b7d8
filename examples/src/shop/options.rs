//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use auth_store::Lifetime;
use clap::{Parser, ValueEnum};

use super::headers::Exposure;
use super::store_url::StoreUrl;
use crate::users::Users;

/// A shop behind sessions or tokens.
#[derive(Clone, Debug, Parser)]
#[command(name = "shop")]
pub struct Options {
    /// What tells who sends a request
    #[arg(long, value_enum, default_value_t = AuthKind::Both)]
    pub auth: AuthKind,

    /// Where sign-ins are kept.
    #[arg(long, value_name = "URL", default_value = "memory:", help = STORE)]
    pub store: StoreUrl,

    /// Ask Redis or PostgreSQL on every request. Without this option the shop answers from copies that
    /// it keeps of sign-ins, and hears at once when another shop ends or changes one; if it cannot
    /// hear, it asks the store again after two seconds at most. With others there is nothing to turn off
    #[arg(long)]
    no_near_cache: bool,

    /// Answer from copies that are up to so many seconds old, with MySQL and SQLite: from those no shop
    /// hears what another one ends or changes. Otherwise they are asked on every request
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_near_cache")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    stale_for: Option<u32>,

    /// The address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// After how many seconds without a request a session ends
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    idle: u32,

    /// After how many seconds an access token ends, and is to be refreshed
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    access: u32,

    /// After how many seconds without a request the sign-in behind a token ends: 14 days by default
    #[arg(long, value_name = "SECONDS", default_value_t = 1_209_600)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    refresh: u32,

    /// After how many seconds a sign-in ends in any case [default: 86400 (a day) for sessions;
    /// behind a token 2592000 (30 days), or --refresh if that is longer]
    #[arg(long, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    absolute: Option<u32>,

    /// The private key that signs tokens, in PEM (PKCS#8): Ed25519, EC P-256 or RSA. If there is no
    /// such file, a new Ed25519 key is put there. Without this option the key ends with the shop
    #[arg(long, value_name = "FILE")]
    pub signing_key: Option<PathBuf>,

    /// For tests under load: so many more users, `customer1`, `customer2` and so on, who have the
    /// password `guest`, hashed cheaply
    #[arg(long, value_name = "COUNT")]
    customers: Option<u32>,

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
    /// JSON Web Tokens, and a cookie that refreshes them
    Jwt,
    /// Sessions for browsers, tokens for who asks for them
    Both,
}

const STORE: &str = "\
Where sign-ins are kept. memory: is for this shop alone, and until it ends. All others are for every \
shop with the same URL and the same signing key, and outlast it: sqlite:FILE for shops on one \
machine; postgres://USER:PASSWORD@HOST[:PORT]/DATABASE; mysql: (or mariadb:) likewise; \
redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], redis+sentinel://HOST[,HOST]/SERVICE or \
redis+cluster://HOST[,HOST], and rediss instead of redis over TLS. The shop makes its tables by itself. \
Others on this machine may see a command line, and a password in it";

/// For how long the sign-in behind a token may be refreshed: NIST SP 800-63B-4 section 2.1.3.
const MONTH: u32 = 30 * DAY;
const DAY: u32 = 86_400;

impl Options {
    /// How long a session lasts.
    #[must_use]
    pub fn session(&self) -> Lifetime {
        lifetime(self.idle, self.absolute.unwrap_or(DAY))
    }

    /// How long the sign-in behind a token lasts.
    #[must_use]
    pub fn token_sign_in(&self) -> Lifetime {
        lifetime(self.refresh, self.absolute.unwrap_or(MONTH.max(self.refresh)))
    }

    /// How long an access token lasts.
    #[must_use]
    pub fn access(&self) -> Duration {
        Duration::from_secs(self.access.into())
    }

    /// Whether the shop keeps copies of the sign-ins that are in a store elsewhere.
    #[must_use]
    pub fn near_cache(&self) -> bool {
        !self.no_near_cache
    }

    /// The users: those of the examples, and as many customers as were asked for.
    ///
    /// # Panics
    /// If the system has no random numbers.
    #[must_use]
    pub fn users(&self) -> Users {
        match self.customers {
            Some(count) => Users::demo().customers(count),
            None => Users::demo(),
        }
    }

    /// How old copies may be of what is in a store that tells nobody what changes.
    #[must_use]
    pub fn stale_for(&self) -> Option<Duration> {
        self.stale_for.map(|secs| Duration::from_secs(secs.into()))
    }

    /// How clients reach the shop.
    ///
    /// # Errors
    /// If everybody on the network could reach it without TLS, and read passwords and cookies.
    pub fn transport(&self) -> Result<Exposure, &'static str> {
        if self.behind_tls {
            return Ok(Exposure::BehindTls);
        }
        if self.listen.ip().is_loopback() {
            return Ok(Exposure::InsecureLoopback);
        }
        Err(
            "without TLS the shop listens on loopback addresses only: put a proxy that ends TLS in \
             front of it and say --behind-tls, or take --listen 127.0.0.1:3000",
        )
    }
}

fn lifetime(idle: u32, absolute: u32) -> Lifetime {
    let secs = |secs: u32| Duration::from_secs(secs.into());
    Lifetime::new(Some(secs(idle)), secs(absolute)).expect("limits of a second or more")
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
    fn the_defaults_are_both_kinds_in_memory_on_loopback() {
        let options = parse(&[]).unwrap();
        assert_eq!((options.auth, options.store.as_str()), (AuthKind::Both, "memory:"));
        assert_eq!(options.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(options.transport(), Ok(Exposure::InsecureLoopback));
        assert_eq!(options.signing_key, None);
        assert!(options.near_cache());
        assert_eq!(options.stale_for(), None);
        assert!(!parse(&["--no-near-cache"]).unwrap().near_cache());
    }

    #[test]
    fn copies_are_of_an_age_or_there_are_none() {
        let stale_for = parse(&["--stale-for", "3"]).unwrap().stale_for();
        assert_eq!(stale_for, Some(Duration::from_secs(3)));
        for wrong in [&["--stale-for", "0"][..], &["--stale-for", "3", "--no-near-cache"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sec_74_what_is_shown_of_the_options_has_no_password() {
        let options = parse(&["--store", "redis://ada:hunter2@h"]).unwrap();
        assert!(!format!("{options:?}").contains("hunter2"), "{options:?}");
    }

    #[test]
    fn a_session_lasts_a_day_and_the_sign_in_behind_a_token_a_month() {
        let options = parse(&[]).unwrap();
        assert_eq!(secs(options.session()), (3600, 86_400));
        assert_eq!(secs(options.token_sign_in()), (1_209_600, 2_592_000));
        assert_eq!(options.access().as_secs(), 300);
        let longer = parse(&["--refresh", "5000000"]).unwrap();
        assert_eq!(secs(longer.token_sign_in()), (5_000_000, 5_000_000));
        assert_eq!(secs(longer.session()), (3600, 86_400));
    }

    #[test]
    fn an_absolute_limit_that_was_asked_for_holds_for_both() {
        let options = parse(&["--idle", "7", "--refresh", "8", "--absolute", "100"]).unwrap();
        assert_eq!(secs(options.session()), (7, 100));
        assert_eq!(secs(options.token_sign_in()), (8, 100));
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        for option in ["--idle", "--access", "--refresh", "--absolute"] {
            for limit in ["0", "-1", "x"] {
                assert!(parse(&[option, limit]).is_err(), "{option} {limit}");
            }
            assert!(parse(&[option, "1"]).is_ok(), "{option}");
        }
    }

    #[test]
    fn other_machines_are_served_behind_tls_only() {
        for address in ["0.0.0.0:80", "192.0.2.1:3000", "[::]:3000"] {
            assert!(parse(&["--listen", address]).unwrap().transport().is_err(), "{address}");
            let behind = parse(&["--listen", address, "--behind-tls"]).unwrap();
            assert_eq!(behind.transport(), Ok(Exposure::BehindTls));
        }
        assert!(parse(&["--listen", "[::1]:0"]).unwrap().transport().is_ok());
    }
}
