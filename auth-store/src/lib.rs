#![cfg_attr(docsrs, feature(doc_cfg))]
// These definitions come before those of the README, so that rustdoc checks the links.
//! [`Store`]: crate::Store
//! [`SignInManager`]: crate::SignInManager
//! [`Session`]: crate::Session
//! [`connect`]: crate::connect()
//! [`ConnectOptions`]: crate::ConnectOptions
//! [`MemoryStore`]: crate::MemoryStore
//! [`Lifetime`]: crate::Lifetime
//! [`Expiry`]: crate::Expiry
//! [`SignInLimit`]: crate::SignInLimit
//! [`OverflowPolicy`]: crate::OverflowPolicy
//! [`forward_store!`]: crate::forward_store
//! [`Secret`]: crate::Secret
//! [`SecretKind`]: crate::SecretKind
//! [`Record`]: crate::Record
//! [`Revocations`]: crate::Revocations
//!
#![doc = include_str!("../README.md")]

pub mod backend;
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
mod record;
mod reexport;
mod revocations;
mod secret;
mod session;
pub mod store;
mod stores;
mod striped;
mod throttle;
mod warnings;
mod watch;

#[doc(no_inline)]
pub use auth_core::{InvalidLifetime, Lifetime};
// The names for authors of backends and stores, which the documentation lists in the modules.
#[doc(hidden)]
pub use backend::{
    IssuedSecret, KindName, NewSignIn, PresentedSecret, RefreshError, SecondarySignIn, Secret,
    SecretKind, SessionBackend, SignInCookies, SignInRequest, SignInSettings, StoredCredential,
    UserChecks,
};
pub use connect::{ConnectError, ConnectOptions, connect};
pub use error::{InvalidValue, StoreError, StoreErrorKind};
#[doc(hidden)]
pub use forward::__private;
pub use manager::{SignInEvent, SignInManager, UserCheck};
pub use revocations::{RevocableToken, Revocations};
pub use session::Session;
#[doc(hidden)]
pub use store::{
    Actor, Bound, Cleanup, CompareAndSwap, Created, Deadlines, Deleted, Device, Digest, EachRecord,
    Expiry, FamilyDigest, Nonce, Peek, Reauthentication, Record, Rotation, RotationGrace,
    SecretDigests, SecretLookup, SecretMatch, SessionData, SignInDetails, StoreBounds, Swept,
    Watch, Watchers, decode, encode,
};
#[doc(inline)]
pub use store::{IntoStore, OverflowPolicy, SignInLimit, Store};
#[cfg(all(any(test, fuzzing), feature = "redis", feature = "sqlite"))]
#[doc(hidden)]
pub use stores::fuzzing;
// The stores of the enabled features.
pub use stores::*;
pub use throttle::{Throttle, ThrottledAttempt};
