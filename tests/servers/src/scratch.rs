//! Temporary folders for servers and tests.
//!
//! A folder is removed with its value, or when the test's process ends, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, mem, process};

/// A shell script that removes a folder when its standard input ends. It ignores signals, because a terminal
/// sends them to the whole process group.
const REMOVER: &str = r#"trap '' HUP INT TERM; read -r _; rm -rf "$1""#;

/// A folder that is removed when the value is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Creates an empty folder.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be created.
    #[must_use]
    #[allow(clippy::new_without_default)] // a default that writes would surprise
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("auth-servers-{}-{number}", process::id()));
        fs::create_dir(&folder).expect("a folder for the server");
        Self(folder)
    }

    /// Creates a folder that is removed when the test's process ends, for a `static`, which is never dropped.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be created, or there is no shell to remove it.
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

    /// Returns the folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of a file in the folder.
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
