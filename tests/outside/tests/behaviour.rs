//! The behaviour suite over the store.

mod files;

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_behaviour::run(|| async { files::fresh_store() })
}
