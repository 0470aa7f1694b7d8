//! Files for the tests, in a folder that Cargo has for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use outside_store::FileStore;

/// Returns the path of a file that does not exist.
pub fn fresh_path() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

/// Returns an empty store, whose file is gone when the store is.
pub fn fresh_store() -> FileStore {
    let path = fresh_path();
    let store = FileStore::open(&path).expect("the folder is writable");
    fs::remove_file(path).expect("it was created");
    store
}
