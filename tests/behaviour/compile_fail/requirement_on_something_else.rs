//! The predicate of a requirement takes an identity and returns a bool.
use auth_core::{Identity, Require};

fn main() {
    let _ = Require::predicate(|identity: &Identity| identity.subject());
}
