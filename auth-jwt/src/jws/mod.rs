//! The compact serialization of a signed token (RFC 7515 section 7.1).

mod compact;
mod header;
mod sign;

pub(crate) use compact::{Compact, MAX_BYTES, decode};
pub(crate) use header::Header;
pub(crate) use sign::{signed, unsigned};
