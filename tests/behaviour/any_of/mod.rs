//! `any_of`: which backend decides, which one signs in, and what happens to the other credentials.

mod combinations;
mod end_of_sign_in;
#[cfg(test)]
mod issuers; // needs no store
mod named_backends;
mod precedence;
mod signing_in;
mod token_pairs;
mod verifiers;
mod visitors;
