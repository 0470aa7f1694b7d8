//! The compact serialization of a signed token (RFC 7515 section 7.1).

mod compact;
mod header;
mod known_headers;
mod sign;

#[cfg(feature = "sign-in")]
pub(crate) use compact::MAX_BYTES;
pub(crate) use compact::{Buffer, Compact};
pub(crate) use header::Header;
pub(crate) use known_headers::KnownHeaders;
pub(crate) use sign::{signed, unsigned};
