//! The public interface: [`connect`], [`ConnectOptions`] and [`ConnectError`].
//!
//! `open` opens the store that the options describe.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
#[cfg(feature = "near-cache")]
use std::time::Duration;

use auth_core::{BoxError, BoxFuture};

use super::open::{OpenOptions, Opened, open};
#[cfg(feature = "near-cache")]
use crate::near_cache::NearCacheBuilder;
use crate::store::Store;

/// Opens the store at this URL. [`ConnectOptions`] lists the URLs and has more options.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), auth_store::ConnectError> {
/// let store = auth_store::connect("memory:").await?;
/// # let _ = store; Ok(())
/// # }
/// ```
///
/// # Errors
///
/// See [`ConnectError`].
///
/// # Panics
///
/// Panics outside of a Tokio runtime.
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, ConnectError> {
    ConnectOptions::new(url).connect().await
}

/// Opens a store by a URL that is known only at run time: from an environment variable, a
/// configuration file or the command line.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `memory:` | `MemoryStore`: in the memory of this process | |
/// | `sqlite:path` | `SqliteStore`: a file, shared by the processes of one machine | `sqlite` |
/// | `postgres://user:password@host/database` | `PostgresStore`; also `postgresql:` | `postgres` |
/// | `mysql://user:password@host/database` | `MySqlStore`; also `mariadb:` | `mysql` |
/// | `mongodb://user:password@host/database` | `MongoStore`; also `mongodb+srv:` | `mongodb` |
/// | `redis://host` and the other URLs of `RedisStore` | `RedisStore` | `redis` |
///
/// The store has the options that the URL contains, and defaults for all others. To set more, use the
/// builder of the store.
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
    options: OpenOptions,
    /// The schemes of stores that are not in this crate.
    schemes: Vec<(Box<str>, Opener)>,
}

/// Opens the store at a URL.
type Opener = Arc<dyn Fn(&str, OpenOptions) -> BoxFuture<Opened> + Send + Sync>;

impl ConnectOptions {
    /// Creates the options for the store at this URL.
    pub fn new(url: impl Into<Box<str>>) -> Self {
        Self { url: url.into(), options: OpenOptions::default(), schemes: Vec::new() }
    }

    /// Creates the tables of a database, or migrates them to this version of the crate; in MongoDB, the indexes.
    /// Several nodes may do so at the same time. Has no effect on other stores. By default, they must exist.
    pub fn migrate(mut self) -> Self {
        self.options.migrate = true;
        self
    }

    /// Registers a store that is not in this crate. `open` opens URLs with this scheme, such as `redb` for
    /// `redb:path`, and gets the whole URL. It takes precedence over a store of this crate with the same scheme.
    ///
    /// With [`with_ttl`](Self::with_ttl), the store gets a near cache. If the store announces changes,
    /// `open` can instead return a [`NearCache`](crate::near_cache::NearCache) in front of it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), auth_store::ConnectError> {
    /// use std::convert::Infallible;
    ///
    /// use auth_store::{ConnectOptions, MemoryStore};
    ///
    /// let options = ConnectOptions::new("small:100").scheme("small", async |url: String| {
    ///     let capacity = url.trim_start_matches("small:").parse().unwrap_or(1000);
    ///     Ok::<_, Infallible>(MemoryStore::builder().capacity(capacity).build())
    /// });
    /// let store = options.connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    pub fn scheme<S, E, F>(
        mut self,
        scheme: impl Into<Box<str>>,
        open: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: Store,
        E: Into<BoxError>,
        F: Future<Output = Result<S, E>> + Send + 'static,
    {
        let opener = move |url: &str, options: OpenOptions| -> BoxFuture<Opened> {
            let opening = open(url.to_owned());
            Box::pin(async move {
                let store = opening.await;
                let store = store.map_err(|error| ConnectError::Store { error: error.into() })?;
                Ok(options.cache_with_ttl(store))
            })
        };
        self.schemes.push((scheme.into(), Arc::new(opener)));
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    ///
    /// # Panics
    ///
    /// Panics outside of a Tokio runtime.
    pub async fn connect(self) -> Result<Arc<dyn Store>, ConnectError> {
        let scheme = self.url.split_once(':').map_or("", |(scheme, _)| scheme);
        match self.schemes.iter().rfind(|(registered, _)| **registered == *scheme) {
            Some((_, opener)) => opener(&self.url, self.options).await,
            None => open(&self.url, self.options).await,
        }
    }
}

#[cfg(feature = "near-cache")]
impl ConnectOptions {
    /// Puts a [`NearCache`](crate::near_cache::NearCache) in front of a store that announces changes:
    /// Redis and PostgreSQL. The memory store needs none. MongoDB, MySQL and SQLite do not announce
    /// changes, so every request reads from them, unless [`with_ttl`](Self::with_ttl) is set.
    pub fn near_cache(mut self, near_cache: NearCacheBuilder) -> Self {
        self.options.near_cache = Some(near_cache);
        self
    }

    /// Also puts a near cache in front of a store that does not announce changes. This node then serves
    /// a sign-in that another node ended for up to `ttl`. Has no effect on stores that announce
    /// changes.
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.options.ttl = Some(ttl);
        self
    }
}

// Omits the URL, which may contain a password.
auth_core::redacted_debug!(ConnectOptions { options });

/// The reason why a store cannot be opened by its URL. It never contains the URL, which may contain a
/// password.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL's scheme is neither [registered](ConnectOptions::scheme) nor among those that
    /// [`ConnectOptions`] lists.
    Scheme,
    /// The URL has text after `memory:`.
    Memory,
    /// The feature of the store is disabled.
    Feature {
        /// The feature of `auth-store` that contains the store.
        feature: &'static str,
    },
    /// The store cannot be opened.
    Store {
        /// The error of the store: `MongoSetupError`, `RedisSetupError`, `SqlSetupError`, or that of a registered store.
        error: BoxError,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str(
                "the URL of a store must begin with memory:, sqlite:, postgres:, postgresql:, mysql:, mariadb:, \
                 mongodb:, mongodb+srv:, redis:, rediss:, redis+sentinel:, rediss+sentinel:, redis+cluster: or \
                 rediss+cluster:, or with a registered scheme",
            ),
            Self::Memory => f.write_str("nothing may follow `memory:`"),
            Self::Feature { feature } => {
                write!(f, "the store needs the feature `{feature}` of auth-store")
            }
            Self::Store { error } => error.fmt(f),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // `Display` shows the error itself, so its source follows.
            Self::Store { error } => error.source(),
            Self::Scheme | Self::Memory | Self::Feature { .. } => None,
        }
    }
}
