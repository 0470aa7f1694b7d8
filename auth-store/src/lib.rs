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
//! - [`Session`] is a request's handle on the data of its sign-in.
//!
//! # Features
//!
//! - `axum`: [`Session`] as an extractor.
//! - `conformance`: the behaviour suite for implementations of [`Store`].
//! - `near-cache`: [`NearCache`](near_cache::NearCache).
//! - `redis`: `RedisStore`, for one server, Sentinel and Cluster. `redis-tls`: TLS for it.

mod changes;
mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod data;
mod details;
mod error;
mod into_store;
mod lifetime;
mod manager;
#[cfg(feature = "near-cache")]
pub mod near_cache;
mod record;
mod record_identity;
mod rotation;
mod secret;
mod session;
mod store;
mod stores;
mod watch;
mod watchers;

pub use codec::{decode, encode};
pub use data::Data;
pub use details::{Details, Device, Grace};
pub use error::{StoreError, StoreErrorKind};
pub use into_store::IntoStore;
pub use lifetime::{Expiry, InvalidLifetime, Lifetime, Limits};
pub use manager::{Beside, Issued, NewSignIn, RefreshError, Settings, SignInManager};
pub use record::{Proof, Record};
pub use rotation::{Renewal, Rotation};
pub use secret::{Digest, Digests, FamilyDigest, Kind, Nonce, Secret};
pub use session::{Session, SessionHost};
pub use store::{Created, Deleted, Found, Limit, Peek, Store, Swap, WhenFull};
pub use stores::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "redis")]
pub use stores::{RedisSetupError, RedisStore, RedisStoreBuilder, UrlProblem};
pub use watch::Watch;
