//! The options that the stores in databases have in common.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The valid values of `timeout`. The databases count in milliseconds, and treat zero as no limit.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60 * 60);

/// The options of a store in a database, other than the URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct DatabaseOptions {
    /// The time limit of an operation.
    pub(super) timeout: Duration,
    pub(super) max_connections: u32,
    /// The approximate maximum number of anonymous sign-ins.
    pub(super) max_anonymous: u64,
    /// Whether the store creates its tables or indexes. Otherwise it expects them.
    pub(super) migrates: bool,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(1),
            max_connections: 10,
            max_anonymous: 1_000_000,
            migrates: false,
        }
    }
}

impl DatabaseOptions {
    /// Checks the values. The errors are those of the store.
    pub(super) fn check<E>(&self, zero_connections: E, invalid_timeout: E) -> Result<(), E> {
        if self.max_connections == 0 {
            return Err(zero_connections);
        }
        if !TIMEOUTS.contains(&self.timeout) {
            return Err(invalid_timeout);
        }
        Ok(())
    }
}
