//! What is one of a few, as one byte.

use auth_core::Persistence;

use super::text::Malformed;
use crate::secret::SecretKind;

/// The kind of this code, which is its own number.
pub(in crate::stores) fn kind(code: u8) -> Result<SecretKind, Malformed> {
    let kinds = [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh];
    kinds.into_iter().find(|kind| *kind as u8 == code).ok_or(Malformed)
}

/// How long the cookie lives.
pub(in crate::stores) fn persistence(persistence: Persistence) -> u8 {
    match persistence {
        Persistence::Persistent => 1,
        Persistence::Session => 0,
    }
}

/// The persistence of this code.
pub(in crate::stores) fn read_persistence(code: u8) -> Result<Persistence, Malformed> {
    match code {
        0 => Ok(Persistence::Session),
        1 => Ok(Persistence::Persistent),
        _ => Err(Malformed),
    }
}
