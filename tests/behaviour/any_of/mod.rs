//! Several backends as one: who decides, who signs in, and what becomes of the rest.

mod combinations;
mod end_of_sign_in;
mod precedence;
mod signing_in;
mod token_pairs;
mod verifiers;
mod visitors;
