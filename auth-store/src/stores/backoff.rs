//! The pauses of the stores whose operations can conflict in the database.

use std::time::Duration;

/// The maximum number of retries of an operation that conflicts with others.
pub(super) const RETRIES: u32 = 20;

/// Returns the delay before a retry: exponential, with jitter, so that two operations do not
/// conflict again.
pub(super) fn backoff(retries: u32) -> Duration {
    let mut random = [0; 2];
    // Without randomness the delay is the same for all operations, which is harmless.
    let _ = getrandom::fill(&mut random);
    let max = 4_000_u64 << retries.min(4);
    Duration::from_micros(1000 + u64::from(u16::from_le_bytes(random)) * max / 65_536)
}
