//! What was verified stays as it was verified.
use auth_core::Identity;

fn make_admin(identity: &mut Identity) {
    identity.principal().roles.push("admin".into());
}

fn main() {}
