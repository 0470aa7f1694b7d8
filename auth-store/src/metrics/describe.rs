//! What the metrics are.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use super::names::{
    BYTES, CALLS, DURATION, ENTRIES, GENERATION, HITS, INVALIDATIONS, LEASE, MISSES,
};

/// Tells the recorder that is installed what the metrics are, and their units.
pub fn describe() {
    describe_counter!(CALLS, Unit::Count, "Calls of the store of sign-ins");
    describe_histogram!(DURATION, Unit::Seconds, "How long calls of the store took");
    describe_counter!(HITS, Unit::Count, "How often a copy in memory was shown");
    describe_counter!(MISSES, Unit::Count, "How often the store was asked for a sign-in");
    describe_counter!(INVALIDATIONS, Unit::Count, "Announcements of changed sign-ins");
    describe_gauge!(GENERATION, Unit::Count, "Grows when the lease is lost");
    describe_gauge!(LEASE, Unit::Seconds, "For how long copies may still be believed");
    describe_gauge!(ENTRIES, Unit::Count, "Copies in memory");
    describe_gauge!(BYTES, Unit::Bytes, "What copies in memory take");
}
