//! Counters of decisions, for the recorder of the crate `metrics` that the application installs. Without a
//! recorder, nothing is kept.
//!
//! | name | labels | meaning |
//! |---|---|---|
//! | `auth_requests_allowed_total` | `identity`, `backend` | requests that the layer let through: of a `user`, of a known `visitor`, of a client whose explicit credential was `rejected`, or with `none` |
//! | `auth_requests_refused_total` | `reason`, `backend` | requests that were refused: by the layer, by `Require`, by an extractor, or by an error of an operation that a handler returned |
//!
//! `backend` is the scheme of the credential, such as `session` or `jwt`, and empty if the request has none. The
//! reasons are those of [`RejectionReason`](crate::RejectionReason), such as `expired`, and `no credential`,
//! `forbidden`, `insufficient scope`, `step-up`, `cross-origin`, `unavailable`, `configuration`; or the kind of
//! the error of an operation, such as `wrong credentials`; or the code of a [`TokenError`](crate::TokenError). A
//! request that the layer lets through and `Require` refuses is counted in both counters.
//!
//! The feature `metrics` of auth-store counts sign-ins and their ends.

#[cfg(feature = "metrics")]
use ::metrics::{Unit, counter, describe_counter};

#[cfg(feature = "metrics")]
const ALLOWED: &str = "auth_requests_allowed_total";
#[cfg(feature = "metrics")]
const REFUSED: &str = "auth_requests_refused_total";

/// Describes the metrics to the installed recorder.
#[cfg(feature = "metrics")]
pub fn describe() {
    describe_counter!(ALLOWED, Unit::Count, "Requests that the authentication layer let through");
    describe_counter!(REFUSED, Unit::Count, "Requests that were refused");
}

/// Counts a request that the layer lets through.
#[cfg(feature = "metrics")]
pub(crate) fn allowed(identity: &'static str, backend: &'static str) {
    counter!(ALLOWED, "identity" => identity, "backend" => backend).increment(1);
}

/// Counts a request that was refused.
#[cfg(feature = "metrics")]
pub(crate) fn refused(reason: &'static str, backend: &'static str) {
    counter!(REFUSED, "reason" => reason, "backend" => backend).increment(1);
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn allowed(_: &'static str, _: &'static str) {}

#[cfg(not(feature = "metrics"))]
pub(crate) fn refused(_: &'static str, _: &'static str) {}
