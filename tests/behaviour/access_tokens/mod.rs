//! Tokens that authenticate: until when, from where, and what is left of them elsewhere.

mod cached;
mod expiring;
mod in_a_cookie;
mod malformed;
mod signing_in;
mod signing_out;
mod verifiers;
