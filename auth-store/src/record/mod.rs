//! A sign-in as a store keeps it.
//!
//! [`Record`] holds what requests read, [`SignInDetails`] what few of them do. A [`Rotation`] replaces
//! the secret of a record. Roles and claims are encoded in one way, whatever the store.

mod rotation;
mod stored;

pub use rotation::{Reauthentication, Rotation};
pub(crate) use stored::marker_id;
pub use stored::{Device, Record, RotationGrace, SecretMatch, SignInDetails, decode, encode};
