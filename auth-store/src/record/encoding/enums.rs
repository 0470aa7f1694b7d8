//! Enums of a record as one byte each.
//!
//! The codes are part of the stored format.

use auth_core::Persistence;

use super::text::{Malformed, Reader, put_text};
use crate::secret::SecretKind;

/// Encodes what precedes the details of a record of this kind: the name of a custom kind.
pub(crate) fn kind_name(kind: SecretKind) -> Vec<u8> {
    let mut out = Vec::new();
    if let SecretKind::Custom(_) = kind {
        put_text(&mut out, kind.scheme());
    }
    out
}

/// Decodes a kind from its code and what precedes the details. Also returns the details.
pub(crate) fn read_kind(code: u8, details: &[u8]) -> Result<(SecretKind, &[u8]), Malformed> {
    let kind = match code {
        1 => SecretKind::Cookie,
        2 => SecretKind::Bearer,
        3 => SecretKind::Refresh,
        SecretKind::CUSTOM => {
            let mut from = Reader(details);
            let kind = SecretKind::stored(from.text()?).ok_or(Malformed)?;
            return Ok((kind, from.0));
        }
        _ => return Err(Malformed),
    };
    Ok((kind, details))
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
