//! Access tokens: their lifetime, their cache, their transports, and services that only verify
//! them.

mod cache;
mod expiry;
mod in_a_cookie;
mod malformed;
mod signing_in;
mod signing_out;
mod verifiers;
