//! A sign-in as a store keeps it.
//!
//! [`Record`] holds what requests read, [`SignInDetails`] what few of them do. A [`Rotation`] replaces
//! the secret of a record. Roles and claims are encoded in one way, whatever the store.

pub(crate) mod codec;
mod details;
mod rotation;
mod stored;

pub use codec::{decode, encode};
pub use details::{Device, RotationGrace, SignInDetails};
pub use rotation::{Reauthentication, Rotation};
pub use stored::{Record, SecretMatch};
