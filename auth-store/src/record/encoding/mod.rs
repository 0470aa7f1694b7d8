//! The binary encoding of parts of a record, shared by all stores that keep bytes.
//!
//! `enums` encodes enums, `fields` the parts of variable length, and `text` the numbers and texts
//! that they consist of.

mod enums;
mod fields;
mod text;

#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use enums::kind_name;
pub(crate) use enums::{persistence, read_kind, read_persistence};
pub(crate) use fields::{details, grace, read_details, read_grace};
pub(crate) use text::{Malformed, Reader, put_text, text};
