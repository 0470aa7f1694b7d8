//! The one place that names stores.

use std::sync::Arc;

use auth_store::near_cache::NearCache;
use auth_store::{IntoStore, MemoryStore, RedisStore, Store};

use super::options::Options;
use super::setup_error::SetupError;

/// Who may know the sign-ins of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    ThisShop,
    ManyShops,
}

/// The store that the command line asks for. The schemes of Redis are told apart by its own parser.
pub(super) async fn store(options: &Options) -> Result<(Arc<dyn Store>, Reach), SetupError> {
    let url = options.store.as_str();
    match options.store.scheme() {
        Some("memory") if url == "memory:" => {
            Ok((MemoryStore::new().into_store(), Reach::ThisShop))
        }
        Some(scheme) if scheme.starts_with("redis") => {
            let redis = RedisStore::connect(url).await.map_err(SetupError::Redis)?;
            let store = if options.near_cache() { near(redis) } else { redis.into_store() };
            Ok((store, Reach::ManyShops))
        }
        Some(scheme @ ("postgres" | "postgresql" | "mysql" | "sqlite")) => {
            Err(SetupError::Store { scheme: Some(scheme.into()) })
        }
        _ => Err(SetupError::Store { scheme: None }),
    }
}

/// With copies in this shop's memory, as long as it hears of every change.
fn near(redis: RedisStore) -> Arc<dyn Store> {
    NearCache::new(redis).into_store()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    async fn refused(url: &str) -> String {
        let options = Options::parse_from(["shop", "--store", url]);
        store(&options).await.expect_err("there is no such store").to_string()
    }

    #[tokio::test]
    async fn memory_is_for_this_shop_alone_and_has_no_near_cache_to_turn_off() {
        for args in [&["shop"][..], &["shop", "--no-near-cache"]] {
            let (_, reach) = store(&Options::parse_from(args)).await.unwrap();
            assert_eq!(reach, Reach::ThisShop);
        }
    }

    #[tokio::test]
    async fn what_is_missing_or_wrong_is_named() {
        for (url, named) in [
            ("sqlite:shop.db", "`--store sqlite:`"),
            ("nonsense", "--help"),
            ("memory:here", "--help"),
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
