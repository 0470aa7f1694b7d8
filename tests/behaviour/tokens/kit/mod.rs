//! Keys, raw tokens, and one question to a `JwtAuth`.

mod ask;
mod signer;
mod text;

pub(crate) use ask::{ask, refused};
pub(crate) use signer::{Signer, public_der};
pub(crate) use text::{NOW, auth, claims, clock, decoded, encoded, flip, parts, with, without};
