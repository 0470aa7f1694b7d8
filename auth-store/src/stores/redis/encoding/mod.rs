//! A record as bytes, for scripts to change in place.
//!
//! The numbers are big-endian, and the positions those of the scripts, which count from 1.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 1 | 1 | the format: [`FORMAT`] |
//! | 2 | 1 | kind |
//! | 3 | 1 | persistence |
//! | 4 | 1 | flags: [`SUBJECT`], [`DETAILS`] |
//! | 5 | 8 | last seen |
//! | 13 | 8 | version |
//! | 21 | 8 | created at |
//! | 29 | 8 | authenticated at |
//! | 37 | 4 | idle seconds |
//! | 41 | 8 | ends at |
//! | 49 | 16 | the family's digest |
//! | 65 | 32 | the current verifier's digest |
//! | 97 | 4, 1, 4, 4 | how long the next four parts are |
//! | 110 | | subject, grace, details, principal, data |
//!
//! The parts are those of all [stores](crate::stores::encoding). The id is not repeated: it is the key. Nothing else of the secret is there but digests.

mod read;
mod unreadable;
mod write;

pub(super) use read::read;
pub(super) use unreadable::Unreadable;
pub(super) use write::write;

/// The first byte of every record.
const FORMAT: u8 = 1;
/// A subject follows the head.
const SUBJECT: u8 = 1;
/// There are details, even if all of them are empty.
pub(super) const DETAILS: u8 = 2;
