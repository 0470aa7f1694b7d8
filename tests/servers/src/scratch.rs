//! Folders for what a server or a test writes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, mem, process};

/// Removes a folder when the standard input ends, and by no other sign of the end.
const REMOVER: &str = r#"trap '' HUP INT TERM; read -r _; rm -rf "$1""#;

/// A new, empty folder. It goes with the value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one.
    ///
    /// # Panics
    /// If there is no room for it.
    #[must_use]
    #[allow(clippy::new_without_default)] // a default that writes would surprise
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("auth-servers-{}-{number}", process::id()));
        fs::create_dir(&folder).expect("a folder for the server");
        Self(folder)
    }

    /// One that stays as long as the test's process, for a `static`, which is never dropped.
    ///
    /// # Panics
    /// If there is no room for it, or no shell to remove it.
    #[must_use]
    pub fn until_the_end() -> Self {
        let folder = Self::new();
        let remover = Command::new("sh")
            .args(["-c", REMOVER, "sh"])
            .arg(&folder.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        mem::forget(remover.expect("a shell").stdin);
        folder
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where a file of this name is in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
