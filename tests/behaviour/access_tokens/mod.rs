//! Access tokens: their lifetime, their cache, their transports, the endpoints for other programs, and
//! services that only verify them.

mod cache;
mod endpoints;
mod expiry;
mod in_a_cookie;
mod malformed;
mod signing_in;
mod signing_out;
mod verifiers;
