//! Only the layer says who sent a request: its extension cannot be made.
use auth_core::Exchange;

fn main() {
    let _ = Exchange::new;
}
