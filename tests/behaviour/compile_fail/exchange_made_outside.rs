//! Only the layer says who sent a request: its extension cannot be made.
use auth_core::AuthContext;

fn main() {
    let _ = AuthContext::new;
}
