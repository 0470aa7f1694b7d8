//! Enums of a record as one byte each.
//!
//! The codes are part of the stored format.

use auth_core::Persistence;

use super::text::Malformed;
use crate::secret::SecretKind;

/// Decodes a kind, whose code is its discriminant.
pub(crate) fn kind(code: u8) -> Result<SecretKind, Malformed> {
    let kinds = [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh];
    kinds.into_iter().find(|kind| *kind as u8 == code).ok_or(Malformed)
}

/// Encodes how long the browser keeps the cookie.
pub(crate) fn persistence(persistence: Persistence) -> u8 {
    match persistence {
        Persistence::Persistent => 1,
        Persistence::Session => 0,
    }
}

/// Decodes how long the browser keeps the cookie.
pub(crate) fn read_persistence(code: u8) -> Result<Persistence, Malformed> {
    match code {
        0 => Ok(Persistence::Session),
        1 => Ok(Persistence::Persistent),
        _ => Err(Malformed),
    }
}
