//! The one place that names stores.

use std::sync::Arc;

use auth_store::near_cache::NearCacheBuilder;
use auth_store::{ConnectOptions, Store};

use super::options::Options;
use super::setup_error::SetupError;

/// The store that the command line asks for, with its tables made. Sign-ins that are kept elsewhere
/// have copies here as long as the shop hears of every change.
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

    async fn refused(url: &str) -> String {
        let options = Options::parse_from(["shop", "--store", url]);
        let refused = store(&options).await;
        refused.expect_err("there is no such store").to_string()
    }

    #[tokio::test]
    async fn memory_has_no_near_cache_to_turn_off() {
        for args in [&["shop"][..], &["shop", "--no-near-cache"], &["shop", "--stale-for", "1"]] {
            store(&Options::parse_from(args)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_missing_or_wrong_is_named() {
        for (url, named) in [
            ("nonsense", "begins with memory:"),
            ("memory:here", "memory:"),
            ("redis:", "scheme"),
            ("redis+tcp://h", "redis+cluster"),
            ("redis://h:port", "port"),
            ("redis+sentinel://h", "service"),
            ("redis://127.0.0.1:1", "not reached: "),
        ] {
            let error = refused(url).await;
            assert!(error.contains(named), "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn the_password_in_a_url_is_not_repeated() {
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
            let error = refused(url).await;
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
