//! A combination has two backends at least.
use auth_core::any_of;
use auth_session::SessionAuth;
use auth_store::MemoryStore;

fn main() {
    let _ = any_of(SessionAuth::new(MemoryStore::new()));
}
