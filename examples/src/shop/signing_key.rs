//! The key that signs tokens, in a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use auth_jwt::{Algorithm, InvalidKey, SigningKey};

use super::setup_error::SetupError;

/// What a key in a file may be for, in the order in which it is tried.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];

/// The key in this file; a new one is put there if there is no such file. Without a file, a new key
/// that ends with the process.
pub(super) fn signing_key(path: Option<&Path>) -> Result<SigningKey, SetupError> {
    let Some(path) = path else { return generate() };
    let failed = |error| SetupError::KeyFile { path: path.to_owned(), error };
    let pem = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = generate()?;
            if put(&key, path).map_err(failed)? {
                tracing::info!(path = %path.display(), kid = key.kid(), "a new signing key");
                return Ok(key);
            }
            fs::read(path) // another shop was faster
        }
        read => read,
    };
    let pem = pem.map_err(failed)?;
    parse(&pem).map_err(|error| SetupError::Key { path: path.to_owned(), error })
}

fn generate() -> Result<SigningKey, SetupError> {
    SigningKey::generate(Algorithm::EdDsa).map_err(SetupError::NoKey)
}

/// The error is the one that says most: what is no key for one algorithm may be one for the next.
fn parse(pem: &[u8]) -> Result<SigningKey, InvalidKey> {
    let mut refused = InvalidKey::Incompatible(Algorithm::Rs256);
    for algorithm in ALGORITHMS {
        match SigningKey::from_pem(algorithm, pem) {
            Ok(key) => return Ok(key),
            Err(InvalidKey::Incompatible(_)) => {}
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Whether the key was put there: `false` if there is a file by now. Nobody but its owner can read
/// the file, and it is whole from the start: another shop may start at the same time.
fn put(key: &SigningKey, path: &Path) -> io::Result<bool> {
    let pem = key.to_pem().map_err(io::Error::other)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", key.kid())); // no other key has this name
    let mut file = new_private(draft.as_ref())?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn new_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn new_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_is_found_out() {
        for algorithm in ALGORITHMS {
            let key = SigningKey::generate(algorithm).unwrap();
            let found = parse(key.to_pem().unwrap().as_bytes()).unwrap();
            assert_eq!((found.algorithm(), found.kid()), (algorithm, key.kid()));
        }
    }

    #[test]
    fn what_is_no_such_key_is_refused() {
        let other = SigningKey::generate(Algorithm::Es384).unwrap().to_pem().unwrap();
        for pem in [other.as_bytes(), b"", b"secret", b"-----BEGIN PRIVATE KEY-----\n"] {
            assert!(parse(pem).is_err());
        }
    }
}
