//! A secret does not implement `Display`, so it cannot be logged by mistake.
use auth_store::Secret;

fn log(secret: &Secret) {
    println!("{secret}");
}

fn main() {}
