//! Only the layer can create the `AuthContext` of a request.
use auth_core::AuthContext;

fn main() {
    let _ = AuthContext::new;
}
