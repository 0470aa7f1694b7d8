//! Sign-ins issue tokens, so they need a key that can sign.
use auth_jwt::{JwtAuth, Key};
use auth_store::MemoryStore;

fn sign_in(key: Key) {
    let _ = JwtAuth::new(key).audience("shop").sign_in(MemoryStore::new());
}

fn main() {}
