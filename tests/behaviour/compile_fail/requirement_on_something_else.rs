//! A requirement is about an identity, and answers yes or no.
use auth_core::{Identity, Require};

fn main() {
    let _ = Require::that(|identity: &Identity| identity.subject());
}
