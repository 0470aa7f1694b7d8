//! Backends in `any_of` must have the same type of claims, because handlers see only one.
use auth_core::{Authenticator, any_of};
use auth_session::SessionAuth;
use auth_store::MemoryStore;

fn main() {
    let shop = SessionAuth::new(MemoryStore::new()).claims::<String>();
    let staff = SessionAuth::new(MemoryStore::new()).claims::<u64>();
    let _ = any_of([shop.erased(), staff.erased()]);
}
