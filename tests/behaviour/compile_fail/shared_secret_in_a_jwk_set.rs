//! A shared secret has no public half, so it cannot be published in a JWK Set.
use auth_jwt::{Key, SigningKeys};

fn main() {
    let secret = Key::hs256([7; 32]).unwrap();
    let _ = secret.jwks();
    let _ = secret.jwks_service();
    let _ = SigningKeys::new(secret);
}
