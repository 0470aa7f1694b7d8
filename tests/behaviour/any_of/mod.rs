//! Several backends as one: who decides, who signs in, and what becomes of the rest.

mod deciding;
mod mixes;
mod pairs;
mod signing_in;
mod verifiers;
mod visitors;
mod waiting;
