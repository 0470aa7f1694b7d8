//! A verified identity cannot be changed.
use auth_core::Identity;

fn make_admin(identity: &mut Identity) {
    identity.principal().roles.push("admin".into());
}

fn main() {}
