//! Helpers of these tests: keys that sign anything, tokens as text, and one call to a `JwtAuth`.

mod ask;
mod form;
mod signer;
mod text;

pub(crate) use ask::{rejection, verify};
pub(crate) use form::post_form;
pub(crate) use signer::{Signer, public_der};
pub(crate) use text::{NOW, auth, claims, clock, decoded, encoded, flip, parts, with, without};
