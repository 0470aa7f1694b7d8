//! A requirement is about an identity, and answers yes or no.
use auth_core::{Identity, Require};

fn main() {
    let _ = Require::predicate(|identity: &Identity| identity.subject());
}
