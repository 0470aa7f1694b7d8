//! A shared secret has no public half: nothing publishes it.
use auth_jwt::{Key, SigningKeys};

fn main() {
    let secret = Key::hs256([7; 32]).unwrap();
    let _ = secret.jwks();
    let _ = secret.jwks_service();
    let _ = SigningKeys::new(secret);
}
