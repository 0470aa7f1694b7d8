//! What the metrics are.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use super::names::{
    BYTES, CALLS, DURATION, ENTRIES, GENERATION, HITS, INVALIDATIONS, LEASE, MISSES,
};

/// Tells the recorder that is installed what the metrics are, and their units.
pub fn describe() {
    describe_counter!(CALLS, Unit::Count, "Calls of the store of sign-ins");
    describe_histogram!(DURATION, Unit::Seconds, "How long calls of the store took");
    describe_counter!(HITS, Unit::Count, "Requests that a copy in memory answered");
    describe_counter!(MISSES, Unit::Count, "Requests that asked the store");
    describe_counter!(INVALIDATIONS, Unit::Count, "Changed sign-ins that others told of");
    describe_gauge!(GENERATION, Unit::Count, "Grows when the lease is lost");
    describe_gauge!(LEASE, Unit::Seconds, "For how long copies may still be believed");
    describe_gauge!(ENTRIES, Unit::Count, "Copies in memory");
    describe_gauge!(BYTES, Unit::Bytes, "What copies in memory take");
}
