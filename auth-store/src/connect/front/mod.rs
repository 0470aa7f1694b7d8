//! What is put in front of a store.

#[cfg(feature = "near-cache")]
mod near;
#[cfg(not(feature = "near-cache"))]
mod nothing;

#[cfg(feature = "near-cache")]
pub(super) use near::Front;
#[cfg(not(feature = "near-cache"))]
pub(super) use nothing::Front;
