//! The errors of a command line that parses, but that the shop cannot start with.
//!
//! The messages name the option, and never contain the password of a store.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use auth_jwt::InvalidKey;
use auth_store::ConnectError;

/// Why the shop cannot start with the given options.
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The store's URL is invalid, or the store cannot be reached. The message does not contain the
    /// URL, which may have a password.
    Store(ConnectError),
    /// The key file cannot be read or created.
    KeyFile {
        /// The path of the file.
        path: PathBuf,
        /// The error of the file system.
        error: io::Error,
    },
    /// The file does not contain a key that can sign tokens.
    Key {
        /// The path of the file.
        path: PathBuf,
        /// Why the key is invalid.
        error: InvalidKey,
    },
    /// A new signing key cannot be generated.
    Generate(InvalidKey),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "--store: {}", WithSources(error)),
            Self::KeyFile { path, error } => {
                write!(f, "--signing-key {}: {error}", path.display())
            }
            Self::Key { path, error } => write!(
                f,
                "--signing-key {}: the file must contain a private key in PEM (PKCS#8) for EdDSA, \
                 ES256 or RS256: {error}",
                path.display()
            ),
            Self::Generate(error) => write!(f, "cannot generate a signing key: {error}"),
        }
    }
}

impl Error for SetupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::KeyFile { error, .. } => Some(error),
            Self::Key { error, .. } | Self::Generate(error) => Some(error),
        }
    }
}

/// Displays an error and its sources. Omits a text that repeats the one before it.
struct WithSources<'a>(&'a dyn Error);

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut previous = self.0.to_string();
        f.write_str(&previous)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if text != previous {
                write!(f, ": {text}")?;
            }
            (previous, source) = (text, error.source());
        }
        Ok(())
    }
}
