//! Opening each of the stores, if it was compiled in.

use std::sync::Arc;

use super::error::ConnectError;
use super::scheme::Scheme;
use super::settings::OpenOptions;
use crate::store::{IntoStore, Store};
use crate::stores::MemoryStore;

type Opened = Result<Arc<dyn Store>, ConnectError>;

pub(super) async fn open(url: &str, settings: OpenOptions) -> Opened {
    match Scheme::of(url).ok_or(ConnectError::Scheme)? {
        Scheme::Memory if url == "memory:" => Ok(MemoryStore::new().into_store()),
        Scheme::Memory => Err(ConnectError::Memory),
        Scheme::Redis => redis(url, settings).await,
        Scheme::Postgres => postgres(url, settings).await,
        Scheme::MySql => mysql(url, settings).await,
        Scheme::Sqlite => sqlite(url, settings).await,
    }
}

#[cfg(feature = "redis")]
async fn redis(url: &str, settings: OpenOptions) -> Opened {
    let store = crate::stores::RedisStore::connect(url).await.map_err(refused)?;
    Ok(settings.front.of_announcing(store))
}

#[cfg(not(feature = "redis"))]
async fn redis(_: &str, _: OpenOptions) -> Opened {
    Err(ConnectError::Feature { feature: "redis" })
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str, settings: OpenOptions) -> Opened {
    let builder = crate::stores::PostgresStore::builder(url);
    let builder = if settings.migrate { builder.migrate() } else { builder };
    let store = builder.connect().await.map_err(refused)?;
    Ok(settings.front.of_announcing(store))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str, _: OpenOptions) -> Opened {
    Err(ConnectError::Feature { feature: "postgres" })
}

#[cfg(feature = "mysql")]
async fn mysql(url: &str, settings: OpenOptions) -> Opened {
    let builder = crate::stores::MySqlStore::builder(url);
    let builder = if settings.migrate { builder.migrate() } else { builder };
    let store = builder.connect().await.map_err(refused)?;
    Ok(settings.front.of_silent(store))
}

#[cfg(not(feature = "mysql"))]
async fn mysql(_: &str, _: OpenOptions) -> Opened {
    Err(ConnectError::Feature { feature: "mysql" })
}

#[cfg(feature = "sqlite")]
async fn sqlite(url: &str, settings: OpenOptions) -> Opened {
    let builder = crate::stores::SqliteStore::builder(url);
    let builder = if settings.migrate { builder.migrate() } else { builder };
    let store = builder.connect().await.map_err(refused)?;
    Ok(settings.front.of_silent(store))
}

#[cfg(not(feature = "sqlite"))]
async fn sqlite(_: &str, _: OpenOptions) -> Opened {
    Err(ConnectError::Feature { feature: "sqlite" })
}

#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql", feature = "sqlite"))]
fn refused(error: impl std::error::Error + Send + Sync + 'static) -> ConnectError {
    ConnectError::Store { error: error.into() }
}

#[cfg(all(test, not(feature = "redis"), not(feature = "sqlite")))]
mod tests {
    use super::*;

    /// Only in a build that is without them: features add, and a test has no way to take one away.
    #[tokio::test]
    async fn a_store_that_was_not_compiled_in_names_its_feature() {
        for (url, named) in [("redis://h", "redis"), ("sqlite:file.db", "sqlite")] {
            let error = open(url, OpenOptions::default()).await.expect_err("it is not compiled in");
            assert!(matches!(error, ConnectError::Feature { feature } if feature == named));
            assert!(error.to_string().contains(&format!("`{named}`")), "{error}");
        }
    }
}
