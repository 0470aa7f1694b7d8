//! The one place that names backends and stores.

use std::fmt;
use std::sync::Arc;

use auth_core::{Authenticator, Clock};
use auth_session::SessionAuth;
use auth_store::{Lifetime, MemoryStore, WhenFull};
use http::HeaderValue;

use super::headers::Transport;
use super::options::{AuthKind, Options};
use crate::users::User;

/// How many devices a user may be signed in on; the next one ends the oldest.
const DEVICES: u32 = 5;
/// What a browser forgets when its user signs out.
const FORGET: HeaderValue = HeaderValue::from_static(r#""cache", "storage""#);

/// Any backend, chosen at run time.
pub type Backend = Arc<dyn Authenticator<Claims = User>>;

/// This build cannot do what the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported(String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsupported {}

/// The backend that the command line asks for. It goes by this clock, which tests turn.
///
/// # Errors
/// If this build does not have it.
pub fn backend(
    options: &Options,
    transport: Transport,
    clock: Clock,
) -> Result<Backend, Unsupported> {
    let store = store(&options.store)?;
    match options.auth {
        AuthKind::Session => Ok(session(options, transport, store).clock(clock).erased()),
        AuthKind::Jwt => Err(not_yet("--auth jwt", "--auth session")),
        AuthKind::Both => Err(not_yet("--auth both", "--auth session")),
    }
}

fn session(options: &Options, transport: Transport, store: MemoryStore) -> SessionAuth<User> {
    let lifetime = Lifetime::new(Some(options.idle()), options.absolute());
    let auth = SessionAuth::new(store)
        .lifetime(lifetime.expect("the command line takes a second or more"))
        .limit(DEVICES, WhenFull::Evict)
        .bearer()
        .clear_site_data(FORGET)
        .claims::<User>();
    match transport {
        Transport::BehindTls => auth,
        Transport::InsecureLoopback => auth.insecure_http(),
    }
}

/// The text of the URL is not repeated: it may hold a password.
fn store(url: &str) -> Result<MemoryStore, Unsupported> {
    match url.split(':').next() {
        Some("memory") if url == "memory:" => Ok(MemoryStore::new()),
        Some(scheme @ ("redis" | "rediss" | "postgres" | "postgresql" | "mysql" | "sqlite")) => {
            Err(not_yet(&format!("--store {scheme}:"), "--store memory:"))
        }
        _ => Err(Unsupported("--store takes memory: and no other URL in this build".to_owned())),
    }
}

fn not_yet(wanted: &str, instead: &str) -> Unsupported {
    Unsupported(format!("this build does not have `{wanted}` yet: use `{instead}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn answer(args: &[&str]) -> Result<(), String> {
        let options = Options::parse_from(["shop"].iter().chain(args));
        let backend = backend(&options, Transport::InsecureLoopback, Clock::system());
        backend.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(answer(&[]), Ok(()));
        let cases = [
            (["--auth", "jwt"], "`--auth jwt`"),
            (["--auth", "both"], "`--auth both`"),
            (["--store", "redis://localhost"], "`--store redis:`"),
        ];
        for (args, named) in cases {
            let error = answer(&args).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_password_in_a_url_is_not_repeated() {
        for url in ["redis://u:secret@h", "mysqll://u:secret@h", "secret"] {
            assert!(!answer(&["--store", url]).unwrap_err().contains("secret"), "{url}");
        }
    }
}
