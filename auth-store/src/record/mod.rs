//! A sign-in as a store keeps it.
//!
//! [`Record`] holds what requests read, [`SignInDetails`] what few of them do. A [`Rotation`] replaces
//! the secret of a record. `bytes` and `encoding` define the form of a record in stores that keep bytes, and
//! `columns` in those that keep each part by itself.
//! Roles and claims are encoded in one way, whatever the store.

mod bytes;
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) mod columns;
pub(crate) mod encoding;
mod rotation;
mod stored;

#[cfg(feature = "redis")]
pub(crate) use bytes::DETAILS;
pub use rotation::{Reauthentication, Rotation};
pub use stored::{
    Actor, Device, Record, RotationGrace, SecretMatch, SignInDetails, decode, encode,
};
pub(crate) use stored::{decode_principal, described, marker_hash};
