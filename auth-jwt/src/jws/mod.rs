//! The compact serialization of a signed token (RFC 7515 section 7.1).

mod compact;
mod header;
mod known_headers;
mod sign;

pub(crate) use compact::{Buffer, Compact, MAX_BYTES};
pub(crate) use header::Header;
pub(crate) use known_headers::KnownHeaders;
pub(crate) use sign::{signed, unsigned};
