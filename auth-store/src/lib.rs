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

mod changes;
mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod data;
mod error;
mod lifetime;
mod manager;
mod record;
mod secret;
mod session;
mod store;
mod stores;

pub use codec::encode;
pub use data::Data;
pub use error::{StoreError, StoreErrorKind};
pub use lifetime::{Expiry, InvalidLifetime, Lifetime, Limits};
pub use manager::{Issued, NewSignIn, RefreshError, Settings, SignInManager};
pub use record::{Details, Device, Grace, Proof, Record};
pub use secret::{Digest, Digests, FamilyDigest, Kind, Nonce, Secret};
pub use session::{Session, SessionHost};
pub use store::{
    Created, Deleted, Found, IntoStore, Limit, Peek, Renewal, Rotation, Store, Swap, WhenFull,
};
pub use stores::{MemoryStore, MemoryStoreBuilder};
