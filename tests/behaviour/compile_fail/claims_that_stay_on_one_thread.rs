//! Claims must be `Send` and `Sync`, because they move between threads with their requests.
use std::rc::Rc;

use auth_session::SessionAuth;
use auth_store::MemoryStore;

fn main() {
    let _ = SessionAuth::new(MemoryStore::new()).claims::<Rc<str>>();
}
