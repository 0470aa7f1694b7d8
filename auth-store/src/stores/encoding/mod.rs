//! The binary encoding of parts of a record, shared by all stores that keep bytes.
//!
//! `codes` encodes enums, `parts` the parts of variable length, and `text` the numbers and texts
//! that they consist of.

mod codes;
mod parts;
mod text;

pub(super) use codes::{kind, persistence, read_persistence};
pub(super) use parts::{data, details, grace, read_data, read_details, read_grace};
#[cfg(feature = "redis")]
pub(super) use text::Reader;
pub(super) use text::{Malformed, text};
