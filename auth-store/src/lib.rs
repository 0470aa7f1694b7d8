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

#[cfg(feature = "conformance")]
pub mod conformance;
mod connect;
mod counts;
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
mod store;
mod stores;
mod striped;
mod warnings;
mod watch;

#[doc(no_inline)]
pub use auth_core::{InvalidLifetime, Lifetime};
pub use connect::{ConnectError, ConnectOptions, connect};
pub use data::SessionData;
pub use error::{Bound, InvalidValue, StoreError, StoreErrorKind};
#[doc(hidden)]
pub use forward::__private;
pub use lifetime::{Deadlines, Expiry};
pub use manager::{
    IssuedSecret, NewSignIn, PresentedSecret, RefreshError, SecondarySignIn, SignInCookies,
    SignInManager, SignInRequest, SignInSettings, StoredCredential, UserCheck, UserChecks,
};
pub use record::{
    Actor, Device, Reauthentication, Record, Rotation, RotationGrace, SecretMatch, SignInDetails,
    decode, encode,
};
pub use revocations::{RevocableToken, Revocations};
pub use secret::{Digest, FamilyDigest, KindName, Nonce, Secret, SecretDigests, SecretKind};
pub use session::{Session, SessionBackend};
pub use store::{
    Cleanup, CompareAndSwap, Created, Deleted, IntoStore, OverflowPolicy, Peek, SecretLookup,
    SignInLimit, Store, StoreBounds, Swept,
};
#[cfg(all(any(test, fuzzing), feature = "redis", feature = "sqlite"))]
#[doc(hidden)]
pub use stores::fuzzing;
// The stores of the enabled features.
pub use stores::*;
pub use watch::{Watch, Watchers};
