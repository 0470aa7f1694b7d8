//! Where the servers are, and how the store uses them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use redis::ErrorKind;
use tokio::time::Instant;

use super::connection::{ConnectionConfig, Eviction, Failure, Replicas, Router, Tls};
use super::keys::Keys;
use super::routing::Routing;
use super::setup_error::RedisSetupError;
use super::shared::RedisInner;
use super::store::RedisStore;
use super::url::Location;
use super::visitors::AnonymousBuckets;

/// Says where the servers are and how the store uses them; see [`RedisStore::builder`].
#[derive(Clone)]
#[must_use]
pub struct RedisStoreBuilder {
    url: String,
    prefix: String,
    timeout: Duration,
    wait_for_replicas: Replicas,
    eviction: Eviction,
    max_anonymous: usize,
    sentinel_user: Option<String>,
    sentinel_password: Option<String>,
    authorities: Option<Vec<u8>>,
}

impl RedisStoreBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            prefix: "auth:".to_owned(),
            timeout: Duration::from_secs(1),
            wait_for_replicas: Replicas::IfAny,
            eviction: Eviction::Refused,
            max_anonymous: 1_000_000,
            sentinel_user: None,
            sentinel_password: None,
            authorities: None,
        }
    }

    /// What the names of all keys begin with; `auth:` by default. Stores with different prefixes
    /// know nothing of each other. Without braces.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// How long a step may take, reconnecting included, before it is unavailable; a second by
    /// default.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How many replicas confirm the end of a sign-in, a new secret and a change of roles before
    /// they count, also of a primary that has fewer: then these steps are unavailable.
    ///
    /// By default it is one, of a primary that has any or that this store has seen with any; one that was
    /// just promoted and has none yet needs no confirmation. With 0, what was ended just before a
    /// failover may be back after it; see
    /// [what a failover can lose](RedisStore#what-a-failover-can-lose). Ask for 0 also if the replicas of a
    /// server are taken away for good while the store runs.
    pub fn wait_for_replicas(self, replicas: u32) -> Self {
        Self { wait_for_replicas: Replicas::Always(replicas), ..self }
    }

    /// About so many anonymous sign-ins at most; a million by default. They are counted in up to 256
    /// parts, and in a part that is full the one that would end first goes. The same on all nodes.
    pub fn max_anonymous(self, most: usize) -> Self {
        Self { max_anonymous: most, ..self }
    }

    /// As whom to log in to Sentinels, with their [password](Self::sentinel_password); the default user
    /// if this is not called. The user in the URL is the servers'. It has to be allowed
    /// `SENTINEL GET-MASTER-ADDR-BY-NAME`.
    pub fn sentinel_user(self, user: impl Into<String>) -> Self {
        Self { sentinel_user: Some(user.into()), ..self }
    }

    /// What Sentinels ask for, if it is not nothing. The password in the URL is the servers'.
    pub fn sentinel_password(self, password: impl Into<String>) -> Self {
        Self { sentinel_password: Some(password.into()), ..self }
    }

    /// Trusts the authority of this certificate instead of those that the system trusts: PEM, of one
    /// certificate or more. For `rediss` URLs.
    #[cfg(feature = "redis-tls")]
    pub fn ca_certificate(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { authorities: Some(pem.into()), ..self }
    }

    /// Accepts servers that evict keys when their memory is full, and sign-ins among them.
    pub fn insecure_allow_eviction(self) -> Self {
        Self { eviction: Eviction::Allowed, ..self }
    }

    /// Connects, and looks whether the servers may keep sign-ins.
    ///
    /// # Errors
    /// See [`RedisSetupError`].
    pub async fn connect(self) -> Result<RedisStore, RedisSetupError> {
        let location = Location::parse(&self.url).map_err(RedisSetupError::Url)?;
        if self.prefix.contains(['{', '}']) {
            return Err(RedisSetupError::Prefix);
        }
        if self.timeout.is_zero() {
            return Err(RedisSetupError::Timeout);
        }
        if self.authorities.is_some() && !location.tls {
            return Err(RedisSetupError::NoTls);
        }
        let mut key = [0; super::routing::KEY];
        getrandom::fill(&mut key).map_err(|error| RedisSetupError::Unavailable(error.into()))?;
        let tls = location.tls.then(|| tls(self.authorities.as_deref())).transpose()?;
        let settings = Arc::new(ConnectionConfig {
            timeout: self.timeout,
            user: location.user,
            password: location.password,
            sentinel_user: self.sentinel_user,
            sentinel_password: self.sentinel_password,
            database: location.database,
            tls,
            eviction: self.eviction,
            replicas: self.wait_for_replicas,
            opened: AtomicU64::new(0),
        });
        let router = Router::new(location.servers, &settings);
        let (keys, routing) = (Keys::new(self.prefix), Routing::new(key));
        let visitors = AnonymousBuckets::new(self.max_anonymous);
        let shared = RedisInner { router, settings, keys, routing, visitors };
        // Several servers may have to be found, one after the other.
        let by = Instant::now() + shared.settings.timeout * 4;
        shared.router.connect(by).await.map_err(setup)?;
        shared.compare_key(by).await.map_err(setup)?;
        Ok(RedisStore::new(shared))
    }
}

fn setup(failure: Failure) -> RedisSetupError {
    match failure {
        Failure::Evicting(policy) => RedisSetupError::Eviction { policy },
        Failure::Unreachable(error) | Failure::Refused(error) if is_login(&error) => {
            RedisSetupError::Authentication(error.into())
        }
        Failure::Unreachable(error) if Tls::failed(&error) => RedisSetupError::Tls(error.into()),
        other => RedisSetupError::Unavailable(other.into()),
    }
}

fn is_login(error: &redis::RedisError) -> bool {
    let refused = matches!(error.code(), Some("WRONGPASS" | "NOAUTH"));
    refused || error.kind() == ErrorKind::AuthenticationFailed
}

#[cfg(feature = "redis-tls")]
fn tls(authorities: Option<&[u8]>) -> Result<Tls, RedisSetupError> {
    Tls::new(authorities).map_err(|error| RedisSetupError::Authorities(error.into()))
}

#[cfg(not(feature = "redis-tls"))]
fn tls(_authorities: Option<&[u8]>) -> Result<Tls, RedisSetupError> {
    Err(RedisSetupError::TlsIsOff)
}

impl RedisStore {
    /// Connects to the servers at this URL.
    ///
    /// # Errors
    /// See [`RedisSetupError`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, RedisSetupError> {
        Self::builder(url).connect().await
    }

    /// Says more than a URL does.
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.into())
    }
}

/// Without the URL, which has the password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("location", &Location::parse(&self.url))
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("replicas", &self.wait_for_replicas)
            .field("eviction", &self.eviction)
            .field("anonymous", &self.max_anonymous)
            .finish_non_exhaustive()
    }
}
