//! Parts of a record as bytes, alike in every store that keeps bytes.

mod codes;
mod parts;
mod text;

pub(super) use codes::{kind, persistence, read_persistence};
pub(super) use parts::{data, details, grace, read_data, read_details, read_grace};
#[cfg(feature = "redis")]
pub(super) use text::Reader;
pub(super) use text::{Malformed, text};
