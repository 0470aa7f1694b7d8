//! Reads the key that signs tokens from a file, or creates the file.
//!
//! Several shops may start at the same time with the same path. Exactly one of them creates the file,
//! and the others read it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use auth_jwt::{Algorithm, InvalidKey, SigningKey};

use super::setup_error::SetupError;

/// The algorithms that a key file may be for, in the order in which they are tried.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];

/// Returns the key in the file at `path`, and creates the file if it does not exist. Without a path,
/// returns a new key that is not stored.
pub(super) fn signing_key(path: Option<&Path>) -> Result<SigningKey, SetupError> {
    let Some(path) = path else { return generate() };
    let failed = |error| SetupError::KeyFile { path: path.to_owned(), error };
    let pem = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = generate()?;
            if create(&key, path).map_err(failed)? {
                tracing::info!(path = %path.display(), kid = key.kid(), "signing key created");
                return Ok(key);
            }
            fs::read(path) // another shop has created it in the meantime
        }
        read => read,
    };
    let pem = pem.map_err(failed)?;
    parse(&pem).map_err(|error| SetupError::Key { path: path.to_owned(), error })
}

fn generate() -> Result<SigningKey, SetupError> {
    SigningKey::generate(Algorithm::EdDsa).map_err(SetupError::Generate)
}

/// Parses the key for the first algorithm that fits. Returns the most specific error: `Incompatible`
/// means only that the key is for another algorithm.
fn parse(pem: &[u8]) -> Result<SigningKey, InvalidKey> {
    let mut failure = InvalidKey::Incompatible(Algorithm::Rs256);
    for algorithm in ALGORITHMS {
        match SigningKey::from_pem(algorithm, pem) {
            Ok(key) => return Ok(key),
            Err(InvalidKey::Incompatible(_)) => {}
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Writes the key to a new file that only its owner can read. Returns `false` if `path` exists.
///
/// The key is written to a temporary file first, and then linked to `path`. So no other shop can read
/// a file that is only half written, and `hard_link` fails for all shops except the first.
fn create(key: &SigningKey, path: &Path) -> io::Result<bool> {
    let pem = key.to_pem().map_err(io::Error::other)?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", key.kid())); // unique for this key
    let mut file = create_private(temporary.as_ref())?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algorithm_of_a_key_is_detected() {
        for algorithm in ALGORITHMS {
            let key = SigningKey::generate(algorithm).unwrap();
            let found = parse(key.to_pem().unwrap().as_bytes()).unwrap();
            assert_eq!((found.algorithm(), found.kid()), (algorithm, key.kid()));
        }
    }

    #[test]
    fn other_files_are_rejected() {
        let other = SigningKey::generate(Algorithm::Es384).unwrap().to_pem().unwrap();
        for pem in [other.as_bytes(), b"", b"secret", b"-----BEGIN PRIVATE KEY-----\n"] {
            assert!(parse(pem).is_err());
        }
    }
}
