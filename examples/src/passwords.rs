//! Passwords: hashed by Argon2id, and compared.

use std::fmt;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

/// The hash of a password, with a new salt.
pub(crate) fn hash(params: &Params, password: &str) -> PasswordHash {
    let hasher = argon2(params.clone());
    hasher.hash_password(password.as_bytes()).expect("the system has random numbers")
}

/// Verifies passwords in memory that it keeps for the next ones: as much as was used at a time.
///
/// An allocator may not find the place of one password again for the next. Measured with glibc 2.36:
/// after 300 logins, never more than two at a time, a process that allocated 19 MiB for each had
/// over 750 MiB.
#[derive(Default)]
pub(crate) struct Verifier(Mutex<Vec<Vec<Block>>>);

impl Verifier {
    /// Whether this is the password. The hash is one of [`hash`].
    pub(crate) fn verify(&self, hash: &PasswordHash, password: &str) -> bool {
        let mut memory = self.0.lock().pop().unwrap_or_default();
        let same = matches(hash, password, &mut memory);
        self.0.lock().push(memory);
        same.unwrap_or(false)
    }
}

/// `None` if it is the hash of something else.
fn matches(hash: &PasswordHash, password: &str, memory: &mut Vec<Block>) -> Option<bool> {
    let params = Params::try_from(hash).ok()?;
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?.as_bytes());
    if memory.len() < params.block_count() {
        memory.resize(params.block_count(), Block::default());
    }
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..expected.len())?;
    let hasher = argon2(params);
    hasher.hash_password_into_with_memory(password.as_bytes(), salt, output, memory).ok()?;
    Some(output.ct_eq(expected).into())
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier;

    #[test]
    fn it_is_the_password_if_argon2_says_so_in_memory_that_is_used_again() {
        let small = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
        let large = Params::new(64, 2, 1, None).unwrap();
        let verifier = Verifier::default();
        for params in [&large, &small, &large, &small] {
            let hash = hash(params, "wonderland");
            for password in ["wonderland", "Wonderland", ""] {
                let said = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
                assert_eq!(verifier.verify(&hash, password), said);
                assert_eq!(said, password == "wonderland");
            }
        }
        assert_eq!(verifier.0.lock().len(), 1, "one at a time");
    }

    #[test]
    fn what_is_no_whole_hash_is_nobodys() {
        let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
        let whole = hash(&params, "");
        let verifier = Verifier::default();
        let cut = [
            PasswordHash { salt: None, ..whole.clone() },
            PasswordHash { hash: None, ..whole.clone() },
        ];
        for hash in cut {
            assert!(!verifier.verify(&hash, ""));
        }
        assert!(verifier.verify(&whole, ""));
    }
}
