//! What is one of a few, as one byte.

use auth_core::Persistence;

use super::text::Malformed;
use crate::secret::Kind;

/// The kind of this code, which is its own number.
pub(in crate::stores) fn kind(code: u8) -> Result<Kind, Malformed> {
    let kinds = [Kind::Cookie, Kind::Bearer, Kind::Refresh];
    kinds.into_iter().find(|kind| *kind as u8 == code).ok_or(Malformed)
}

/// How long the cookie lives.
pub(in crate::stores) fn persistence(persistence: Persistence) -> u8 {
    match persistence {
        Persistence::Device => 1,
        Persistence::Browser => 0,
    }
}

/// The persistence of this code.
pub(in crate::stores) fn read_persistence(code: u8) -> Result<Persistence, Malformed> {
    match code {
        0 => Ok(Persistence::Browser),
        1 => Ok(Persistence::Device),
        _ => Err(Malformed),
    }
}
