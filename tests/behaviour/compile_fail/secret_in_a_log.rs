//! A secret has no text but the one that a client gets.
use auth_store::Secret;

fn log(secret: &Secret) {
    println!("{secret}");
}

fn main() {}
