//! Connects to the store. No other module of the shop names one.
//!
//! The kind of store follows from its URL, so the application code is the same for all of them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use auth_store::near_cache::NearCacheBuilder;
use auth_store::{ConnectOptions, Store};

use super::options::Options;
use super::setup_error::SetupError;

/// The URL of a store, which may contain a password. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct StoreUrl(Box<str>);

impl StoreUrl {
    /// Returns the URL, with its password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the kind of the store: what its URL begins with.
    pub(super) fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Returns whether other processes can use the same store.
    pub(super) fn is_shared(&self) -> bool {
        !self.0.starts_with("memory:")
    }
}

/// Accepts any text. The store checks the URL later, because clap would print a rejected value, and
/// with it the password.
impl FromStr for StoreUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(..)")
    }
}

/// Connects to the store that the command line selects, and creates its tables if they are missing.
///
/// The near cache answers from this process's memory while the store reports every change. Stores that
/// report no changes ignore it; they cache only with `--stale-for`.
pub(super) async fn store(options: &Options) -> Result<Arc<dyn Store>, SetupError> {
    let mut store = ConnectOptions::new(options.store.as_str()).migrate();
    if options.near_cache() {
        store = store.near_cache(NearCacheBuilder::default());
    }
    if let Some(staleness) = options.stale_for() {
        store = store.with_ttl(staleness);
    }
    store.connect().await.map_err(SetupError::Store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    async fn error(url: &str) -> String {
        let options = Options::parse_from(["shop", "--store", url]);
        store(&options).await.expect_err("there is no such store").to_string()
    }

    #[tokio::test]
    async fn memory_ignores_the_cache_options() {
        for args in [&["shop"][..], &["shop", "--no-near-cache"], &["shop", "--stale-for", "1"]] {
            store(&Options::parse_from(args)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_error_names_what_is_missing_or_wrong() {
        for (url, expected) in [
            ("nonsense", "begin with memory:"),
            ("memory:here", "memory:"),
            ("redis:", "scheme"),
            ("redis+tcp://h", "redis+cluster"),
            ("redis://h:port", "port"),
            ("redis+sentinel://h", "service"),
            ("redis://127.0.0.1:1", "not reached: "),
        ] {
            let error = error(url).await;
            assert!(error.contains(expected), "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn the_error_does_not_contain_the_password() {
        for url in [
            "redis://u:secret@127.0.0.1:1",
            "redis://u:sec/ret#secret?@h",
            "redis://u:secret",
            "redis://secret@h",
            "redis+cluster://:secret@h/1",
            "redissecret://u:secret@h",
            "mysqll://u:secret@h",
            "mysql://u:secret@h",
            "secret",
            "secret:",
        ] {
            let error = error(url).await;
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
