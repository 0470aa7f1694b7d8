//! Opening the store that a URL names, with a near cache in front of it if requested.
//!
//! Which stores exist, and whether there is a near cache, depends on the features. Only this file
//! is conditional on them: everything else in this module is the same in all builds.

use std::sync::Arc;
#[cfg(feature = "near-cache")]
use std::time::Duration;

use super::options::ConnectError;
#[cfg(feature = "near-cache")]
use crate::near_cache::{AnnouncingStore, NearCacheBuilder};
use crate::store::{IntoStore, Store};
use crate::stores::MemoryStore;

/// The options of [`ConnectOptions`](super::ConnectOptions) other than the URL.
#[derive(Clone, Debug, Default)]
#[allow(dead_code)] // which options are used depends on the features
pub(super) struct OpenOptions {
    pub(super) migrate: bool,
    #[cfg(feature = "near-cache")]
    pub(super) near_cache: Option<NearCacheBuilder>,
    /// How long a near cache may serve a sign-in of a store that does not announce changes.
    #[cfg(feature = "near-cache")]
    pub(super) ttl: Option<Duration>,
}

pub(super) type Opened = Result<Arc<dyn Store>, ConnectError>;

/// Connects to a store and puts a near cache in front of it in this way, if its feature is enabled. Fails if not.
macro_rules! open_if {
    ($feature:literal, $options:ident.$cache:ident($connected:expr)) => {{
        #[cfg(feature = $feature)]
        let opened: Opened = match $connected.await {
            Ok(store) => Ok($options.$cache(store)),
            Err(error) => Err(ConnectError::Store { error: error.into() }),
        };
        #[cfg(not(feature = $feature))]
        let opened: Opened = Err(ConnectError::Feature { feature: $feature });
        opened
    }};
}

/// Connects to a store, and migrates its tables or indexes if requested.
#[allow(unused_macros)] // whether there is such a store depends on the features
macro_rules! migrated {
    ($store:ident, $url:ident, $options:ident) => {{
        let builder = crate::stores::$store::builder($url);
        let builder = if $options.migrate { builder.migrate() } else { builder };
        builder.connect()
    }};
}

#[allow(unused_variables)] // which arms use the options depends on the features
pub(super) async fn open(url: &str, options: OpenOptions) -> Opened {
    match Scheme::of(url).ok_or(ConnectError::Scheme)? {
        Scheme::Memory if url == "memory:" => Ok(MemoryStore::new().into_store()),
        Scheme::Memory => Err(ConnectError::Memory),
        Scheme::Redis => {
            open_if!("redis", options.cache_announcing(crate::stores::RedisStore::connect(url)))
        }
        Scheme::MongoDb => {
            open_if!("mongodb", options.cache_with_ttl(migrated!(MongoStore, url, options)))
        }
        Scheme::Postgres => {
            open_if!("postgres", options.cache_announcing(migrated!(PostgresStore, url, options)))
        }
        Scheme::MySql => {
            open_if!("mysql", options.cache_with_ttl(migrated!(MySqlStore, url, options)))
        }
        Scheme::Sqlite => {
            open_if!("sqlite", options.cache_with_ttl(migrated!(SqliteStore, url, options)))
        }
    }
}

#[cfg(feature = "near-cache")]
impl OpenOptions {
    /// Puts a near cache in front of a store that announces changes, if requested.
    #[allow(dead_code)] // which stores there are depends on the features
    fn cache_announcing<S: AnnouncingStore>(self, store: S) -> Arc<dyn Store> {
        match self.near_cache {
            Some(builder) => builder.build(store).into_store(),
            None => store.into_store(),
        }
    }

    /// Puts a near cache in front of a store that does not announce changes, if there is a TTL.
    pub(super) fn cache_with_ttl<S: Store>(self, store: S) -> Arc<dyn Store> {
        match (self.near_cache, self.ttl) {
            (builder, Some(ttl)) => builder.unwrap_or_default().with_ttl(store, ttl).into_store(),
            (Some(_), None) => {
                tracing::info!("near cache disabled: the store does not announce changes");
                store.into_store()
            }
            (None, None) => store.into_store(),
        }
    }
}

#[cfg(not(feature = "near-cache"))]
impl OpenOptions {
    #[allow(dead_code)] // which stores there are depends on the features
    fn cache_announcing<S: Store>(self, store: S) -> Arc<dyn Store> {
        store.into_store()
    }

    pub(super) fn cache_with_ttl<S: Store>(self, store: S) -> Arc<dyn Store> {
        store.into_store()
    }
}

/// The kinds of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Memory,
    Redis,
    MongoDb,
    Postgres,
    MySql,
    Sqlite,
}

impl Scheme {
    /// Returns the kind of store of a URL, or none if the scheme is unknown.
    fn of(url: &str) -> Option<Self> {
        let (scheme, _) = url.split_once(':')?;
        Some(match scheme {
            "memory" => Self::Memory,
            "redis" | "redis+sentinel" | "redis+cluster" => Self::Redis,
            "rediss" | "rediss+sentinel" | "rediss+cluster" => Self::Redis,
            "mongodb" | "mongodb+srv" => Self::MongoDb,
            "postgres" | "postgresql" => Self::Postgres,
            "mysql" | "mariadb" => Self::MySql,
            "sqlite" => Self::Sqlite,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_schemes_are_known() {
        for (url, scheme) in [
            ("memory:", Some(Scheme::Memory)),
            ("redis://h", Some(Scheme::Redis)),
            ("rediss+cluster://h", Some(Scheme::Redis)),
            ("mongodb://h/d", Some(Scheme::MongoDb)),
            ("mongodb+srv://h/d", Some(Scheme::MongoDb)),
            ("postgres://h/d", Some(Scheme::Postgres)),
            ("postgresql://h/d", Some(Scheme::Postgres)),
            ("mysql://h/d", Some(Scheme::MySql)),
            ("mariadb://h/d", Some(Scheme::MySql)),
            ("sqlite:file.db", Some(Scheme::Sqlite)),
            ("", None),
            ("memory", None),
            ("Redis://h", None),
            ("redis+tcp://h", None),
            ("file.db", None),
            ("https://h", None),
        ] {
            assert_eq!(Scheme::of(url), scheme, "{url}");
        }
    }
}
