//! The one call, and the one with choices.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "near-cache")]
use std::time::Duration;

use super::error::ConnectError;
use super::open::open;
use super::settings::OpenOptions;
#[cfg(feature = "near-cache")]
use crate::near_cache::NearCacheBuilder;
use crate::store::Store;

/// The store at this URL: [`ConnectOptions`] lists what it may be, and has more choices.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), auth_store::ConnectError> {
/// let store = auth_store::connect("memory:").await?;
/// # let _ = store; Ok(())
/// # }
/// ```
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, ConnectError> {
    ConnectOptions::new(url).connect().await
}

/// Opens the store that a URL names, which is known when the program runs: from an environment
/// variable, a file of settings, a command line.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `memory:` | `MemoryStore`: for this process, and until it ends | |
/// | `sqlite:path` | `SqliteStore`: a file, for the processes of one machine | `sqlite` |
/// | `postgres://user:password@host/database` | `PostgresStore`; also `postgresql:` | `postgres` |
/// | `mysql://user:password@host/database` | `MySqlStore`; also `mariadb:` | `mysql` |
/// | `redis://host` and the others of `RedisStore` | `RedisStore` | `redis` |
///
/// Each store is as its own `connect` makes it, with its options in the URL; what can be set beyond
/// that, only its own builder sets.
///
/// ```no_run
/// # async fn example() -> Result<(), auth_store::ConnectError> {
/// use auth_store::ConnectOptions;
///
/// let url = std::env::var("STORE").unwrap_or_else(|_| "memory:".to_owned());
/// let store = ConnectOptions::new(url).migrate().connect().await?;
/// # let _ = store; Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ConnectOptions {
    url: Box<str>,
    settings: OpenOptions,
}

impl ConnectOptions {
    /// The store at this URL.
    pub fn new(url: impl Into<Box<str>>) -> Self {
        Self { url: url.into(), settings: OpenOptions::default() }
    }

    /// Brings the tables of a database to this version of the crate, or makes them, before it is
    /// used. Several nodes may do so at once. Other stores have nothing to migrate.
    pub fn migrate(mut self) -> Self {
        self.settings.migrate = true;
        self
    }

    /// Opens it.
    ///
    /// # Errors
    /// See [`ConnectError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn connect(self) -> Result<Arc<dyn Store>, ConnectError> {
        open(&self.url, self.settings).await
    }
}

#[cfg(feature = "near-cache")]
impl ConnectOptions {
    /// Puts such a [`NearCache`](crate::near_cache::NearCache) in front of a store that announces
    /// what it changes: Redis and PostgreSQL. The memory store needs none. MySQL and SQLite announce
    /// nothing and are asked on every request, unless [`stale_for`](Self::stale_for) allows more.
    pub fn near_cache(mut self, near_cache: NearCacheBuilder) -> Self {
        self.settings.front = self.settings.front.near(near_cache);
        self
    }

    /// Puts a near cache in front of a store that announces nothing, too: a sign-in that another
    /// node ends is believed here for up to `staleness`. For stores that do announce it changes
    /// nothing.
    pub fn with_ttl(mut self, staleness: Duration) -> Self {
        self.settings.front = self.settings.front.stale_for(staleness);
        self
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions").field("settings", &self.settings).finish_non_exhaustive()
    }
}
