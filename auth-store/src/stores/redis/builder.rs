//! [`RedisStoreBuilder`]: the configuration of the store, and how it connects.
//!
//! Servers that may evict sign-ins are rejected, unless the configuration allows them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use redis::ErrorKind;
use tokio::sync::watch;
use tokio::time::Instant;

use super::anonymous_buckets::AnonymousBuckets;
use super::connection::{ConnectionConfig, Eviction, Failure, Replicas, Router, Tls};
use super::inner::RedisInner;
use super::keys::Keys;
use super::routing_key::RoutingKey;
use super::setup_error::RedisSetupError;
use super::store::RedisStore;
use super::url::Location;

/// Builds a [`RedisStore`]; see [`RedisStore::builder`].
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
            eviction: Eviction::Rejected,
            max_anonymous: 1_000_000,
            sentinel_user: None,
            sentinel_password: None,
            authorities: None,
        }
    }

    /// Sets the prefix of all keys, which must not contain braces. Defaults to `auth:`. Stores with
    /// different prefixes are independent.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Sets how long an operation may take, including reconnecting, before it fails as unavailable.
    /// Must be longer than zero. Defaults to one second. [`connect`](Self::connect) may take four times as long.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how many replicas must confirm the end of a sign-in, a revocation, a new secret or a change of roles.
    /// If the primary has fewer replicas, these operations are unavailable, and so are new sign-ins
    /// [by an identity provider](auth_core::SignIn::provider_session).
    ///
    /// By default, one replica must confirm if the primary has replicas or if this store has seen it with
    /// replicas. A primary that was just promoted and has none yet needs no confirmation. With 0, a sign-in
    /// that was ended just before a failover may exist again after it; see
    /// [what a failover can lose](RedisStore#what-a-failover-can-lose). Also set 0 before the replicas of a
    /// server are removed for good while the store runs.
    pub fn wait_for_replicas(self, replicas: u32) -> Self {
        Self { wait_for_replicas: Replicas::Always(replicas), ..self }
    }

    /// Sets the approximate maximum number of anonymous sign-ins. Defaults to one million. They are counted
    /// in up to 256 parts, and a full part evicts the one that would end first. Must be the same on all
    /// nodes.
    pub fn max_anonymous(self, max_anonymous: usize) -> Self {
        Self { max_anonymous, ..self }
    }

    /// Sets the user for logging in to Sentinels, with their [password](Self::sentinel_password). Defaults to
    /// the default user of Redis. The user in the URL is for the servers. The Sentinels' user needs the right
    /// to `SENTINEL GET-MASTER-ADDR-BY-NAME`.
    pub fn sentinel_user(self, user: impl Into<String>) -> Self {
        Self { sentinel_user: Some(user.into()), ..self }
    }

    /// Sets the password of the Sentinels. Defaults to none. The password in the URL is for the servers.
    pub fn sentinel_password(self, password: impl Into<String>) -> Self {
        Self { sentinel_password: Some(password.into()), ..self }
    }

    /// Trusts these certificate authorities instead of those of the system, for `rediss` URLs. The PEM
    /// contains one certificate or more.
    #[cfg(feature = "redis-tls")]
    pub fn ca_certificate(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { authorities: Some(pem.into()), ..self }
    }

    /// Accepts servers that evict keys when their memory is full.
    ///
    /// A sign-in can then disappear at any time. **Ending all sign-ins of a user is not reliable any
    /// more.** The index of a user's sign-ins is a key as well. If Redis has evicted it, `list`,
    /// `revoke_others`, `revoke_subject`, `update_subject` and `swap_principal` do not find the sign-ins: they
    /// report success although those sign-ins are still valid, with their old roles, and limits do not count
    /// them. Only ending a sign-in by its id is reliable. The store logs a warning for every such server.
    pub fn insecure_allow_eviction(self) -> Self {
        Self { eviction: Eviction::Allowed, ..self }
    }

    /// Connects, and checks that the servers never evict sign-ins.
    ///
    /// # Errors
    ///
    /// See [`RedisSetupError`].
    pub async fn connect(self) -> Result<RedisStore, RedisSetupError> {
        let location = Location::parse(&self.url).map_err(RedisSetupError::Url)?;
        if self.prefix.contains(['{', '}']) {
            return Err(RedisSetupError::Prefix);
        }
        if self.timeout.is_zero() {
            return Err(RedisSetupError::InvalidTimeout);
        }
        if self.authorities.is_some() && !location.tls {
            return Err(RedisSetupError::NoTls);
        }
        let mut key = [0; super::routing_key::KEY];
        getrandom::fill(&mut key).map_err(|error| RedisSetupError::Unavailable(error.into()))?;
        let tls = location.tls.then(|| tls(self.authorities.as_deref())).transpose()?;
        let config = Arc::new(ConnectionConfig {
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
            closed: watch::Sender::new(false),
        });
        let router = Router::new(location.servers, &config);
        let (keys, routing_key) = (Keys::new(self.prefix), RoutingKey::new(key));
        let buckets = AnonymousBuckets::new(self.max_anonymous);
        let inner = RedisInner { router, config, keys, routing_key, buckets };
        // Several servers may have to be found, one after the other.
        let deadline = Instant::now() + inner.config.timeout * 4;
        inner.router.connect(deadline).await.map_err(setup_error)?;
        inner.compare_key(deadline).await.map_err(setup_error)?;
        Ok(RedisStore::new(inner))
    }
}

fn setup_error(failure: Failure) -> RedisSetupError {
    match failure {
        Failure::Evicting(policy) => RedisSetupError::Eviction { policy },
        Failure::Unreachable(error) | Failure::Refused(error) if is_login_error(&error) => {
            RedisSetupError::Authentication(error.into())
        }
        Failure::Unreachable(error) if Tls::failed(&error) => RedisSetupError::Tls(error.into()),
        other => RedisSetupError::Unavailable(other.into()),
    }
}

fn is_login_error(error: &redis::RedisError) -> bool {
    let refused = matches!(error.code(), Some("WRONGPASS" | "NOAUTH"));
    refused || error.kind() == ErrorKind::AuthenticationFailed
}

#[cfg(feature = "redis-tls")]
fn tls(authorities: Option<&[u8]>) -> Result<Tls, RedisSetupError> {
    Tls::new(authorities).map_err(|error| RedisSetupError::Authorities(error.into()))
}

#[cfg(not(feature = "redis-tls"))]
fn tls(_authorities: Option<&[u8]>) -> Result<Tls, RedisSetupError> {
    Err(RedisSetupError::TlsDisabled)
}

impl RedisStore {
    /// Connects to the servers at this URL.
    ///
    /// # Errors
    ///
    /// See [`RedisSetupError`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, RedisSetupError> {
        Self::builder(url).connect().await
    }

    /// Returns a builder for options that a URL cannot express.
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.into())
    }
}

/// Omits the URL, because it contains the password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("location", &Location::parse(&self.url))
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("wait_for_replicas", &self.wait_for_replicas)
            .field("eviction", &self.eviction)
            .field("max_anonymous", &self.max_anonymous)
            .finish_non_exhaustive()
    }
}
