//! The bytes of a secret, or the text of a PEM file, become a key before they are used.
use auth_jwt::JwtAuth;

fn main() {
    let _ = JwtAuth::new("secret");
}
