//! Where sign-ins are kept.
//!
//! A cookie session and a family of refresh tokens are the same thing to a server: one stored
//! sign-in, proved by a secret, rotated, listed, limited and revoked. This crate has it once, for
//! every backend:
//!
//! - [`Secret`] is what the client holds; [`Record`] is what is kept, digests only.
//! - [`Store`] is the contract of the places that keep records; [`MemoryStore`] is one of them.
//!   Whoever writes another runs the suite in `conformance` on it.
//! - [`SignInManager`] starts, refreshes, lists and ends sign-ins for the backends.
//! - [`connect`] picks a store by its URL, when the program runs.
//! - [`Session`] is a request's handle on the data of its sign-in.
//!
//! # Features
//!
//! - `axum`: [`Session`] as an extractor.
//! - `conformance`: the behaviour suite for implementations of [`Store`].
//! - `metrics`: what stores and caches do, for the crate of that name.
//! - `near-cache`: [`NearCache`](near_cache::NearCache).
//! - `redis`: `RedisStore`, for one server, Sentinel and Cluster. `redis-tls`: TLS for it.
//! - `postgres`, `mysql`, `sqlite`: `PostgresStore`, `MySqlStore`, `SqliteStore`. `sql-tls`: TLS for
//!   the first two.

mod changes;
#[cfg(feature = "conformance")]
pub mod conformance;
mod connect;
mod data;
mod error;
mod forward;
mod lifetime;
mod manager;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "near-cache")]
pub mod near_cache;
mod quiet;
mod record;
mod secret;
mod session;
mod store;
mod stores;
mod watch;

pub use connect::{ConnectError, ConnectOptions, connect};
pub use data::SessionData;
pub use error::{StoreError, StoreErrorKind};
#[doc(hidden)]
pub use forward::__private;
pub use lifetime::{Deadlines, Expiry, InvalidLifetime, Lifetime};
pub use manager::{
    IssuedSecret, NewSignIn, RefreshError, SecondarySignIn, SignInManager, SignInSettings,
};
pub use record::{
    Device, Reauthentication, Record, Rotation, RotationGrace, SecretMatch, SignInDetails, decode,
    encode,
};
pub use secret::{Digest, FamilyDigest, Nonce, Secret, SecretDigests, SecretKind};
pub use session::{Session, SessionBackend};
pub use store::{
    CompareAndSwap, Created, Deleted, IntoStore, OverflowPolicy, Peek, SecretLookup, SignInLimit,
    Store,
};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use stores::SqlSetupError;
#[cfg(feature = "redis")]
pub use stores::{InvalidUrl, RedisSetupError, RedisStore, RedisStoreBuilder};
pub use stores::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "mysql")]
pub use stores::{MySqlStore, MySqlStoreBuilder};
#[cfg(feature = "postgres")]
pub use stores::{PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "sqlite")]
pub use stores::{SqliteStore, SqliteStoreBuilder};
pub use watch::Watch;
