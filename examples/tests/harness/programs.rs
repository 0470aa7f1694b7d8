//! Programs of the system.

use std::env;
use std::path::PathBuf;

/// Where the program is.
///
/// # Panics
/// If it is not installed; the message says which Debian package brings it.
pub(crate) fn find(program: &str, package: &str) -> PathBuf {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!("the end-to-end tests need `{program}`: install the Debian package {package}")
        })
}
