//! Why the shop cannot start as the command line asks.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use auth_jwt::InvalidKey;
use auth_store::ConnectError;

/// Why the shop cannot start as the command line asks.
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// There is no store as the URL says. Neither the URL nor its password is repeated.
    Store(ConnectError),
    /// The file of the signing key cannot be read, or no new one written.
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// There is no key in the file that tokens can be signed with.
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: InvalidKey,
    },
    /// No signing key can be made.
    NoKey(InvalidKey),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "--store: {}", Whole(error)),
            Self::KeyFile { path, error } => {
                write!(f, "--signing-key {}: {error}", path.display())
            }
            Self::Key { path, error } => write!(
                f,
                "--signing-key {}: no private key in PEM (PKCS#8) for EdDSA, ES256 or RS256: \
                 {error}",
                path.display()
            ),
            Self::NoKey(error) => write!(f, "no signing key can be made: {error}"),
        }
    }
}

impl Error for SetupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::KeyFile { error, .. } => Some(error),
            Self::Key { error, .. } | Self::NoKey(error) => Some(error),
        }
    }
}

/// An error and its sources, each text once.
struct Whole<'a>(&'a dyn Error);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if text != said {
                write!(f, ": {text}")?;
            }
            (said, source) = (text, error.source());
        }
        Ok(())
    }
}
