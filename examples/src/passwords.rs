//! Hashes and verifies passwords with Argon2id. [`Passwords`] does it for handlers.
//!
//! Argon2 needs 19 MiB for each verification. The verifier reuses that memory, because allocating it
//! anew for every login makes the process grow.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

/// Hashes and verifies the passwords of an application. Clones share their memory.
#[derive(Clone)]
pub struct Passwords {
    params: Arc<Params>,
    /// Verified for users who do not exist, so that the answer takes as long as for others.
    dummy: Arc<str>,
    verifier: Arc<Verifier>,
    /// Bounds the work at a time: each takes 19 MiB and a processor.
    slots: Arc<Semaphore>,
}

/// The parameters that OWASP recommends: 19 MiB, two passes and one lane.
impl Default for Passwords {
    fn default() -> Self {
        Self::new(Params::new(19_456, 2, 1, None).expect("parameters in range"))
    }
}

impl Passwords {
    /// Uses these parameters, such as cheap ones for tests.
    #[must_use]
    pub fn new(params: Params) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let dummy = hash(&params, "").to_string().into();
        let slots = Arc::new(Semaphore::new(processors));
        Self { params: Arc::new(params), dummy, verifier: Arc::default(), slots }
    }

    /// Hashes a password with a new salt, in the PHC string format.
    ///
    /// # Panics
    ///
    /// Panics if the runtime is shutting down.
    pub async fn hash(&self, password: &str) -> String {
        let (params, password) = (Arc::clone(&self.params), password.to_owned());
        self.work(move || hash(&params, &password).to_string()).await
    }

    /// Returns whether `hash` is of this password. Without a hash it works as long, and returns `false`.
    ///
    /// # Panics
    ///
    /// Panics if the runtime is shutting down.
    pub async fn verify(&self, hash: Option<String>, password: &str) -> bool {
        let (exists, password) = (hash.is_some(), password.to_owned());
        let (verifier, dummy) = (Arc::clone(&self.verifier), Arc::clone(&self.dummy));
        let matches = move || {
            let hash = PasswordHash::new(hash.as_deref().unwrap_or(&dummy));
            hash.is_ok_and(|hash| verifier.verify(&hash, &password))
        };
        self.work(matches).await && exists
    }

    /// Works outside of the threads that serve requests. If the client hangs up, the slot stays taken until the
    /// work is done.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("it is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        done.await.expect("the runtime is running, and the work does not panic")
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("params", &self.params).finish_non_exhaustive()
    }
}

/// Hashes a password with a new salt.
pub(crate) fn hash(params: &Params, password: &str) -> PasswordHash {
    let hasher = argon2(params.clone());
    hasher.hash_password(password.as_bytes()).expect("the system provides random numbers")
}

/// Verifies passwords, and keeps the memory for the next verifications: one buffer for each
/// verification that ran at the same time as others.
///
/// An allocator may not reuse the place of an earlier buffer. Measured with glibc 2.36: after 300
/// logins, never more than two at a time, a process that allocated 19 MiB for each used over 750 MiB.
#[derive(Default)]
pub(crate) struct Verifier(Mutex<Vec<Vec<Block>>>);

impl Verifier {
    /// Returns whether `hash`, which [`hash`] made, is of this password.
    pub(crate) fn verify(&self, hash: &PasswordHash, password: &str) -> bool {
        let mut memory = self.0.lock().pop().unwrap_or_default();
        let matches = verify_in(&mut memory, hash, password);
        self.0.lock().push(memory);
        matches.unwrap_or(false)
    }
}

/// Returns `None` if `hash` is incomplete or has invalid parameters.
fn verify_in(memory: &mut Vec<Block>, hash: &PasswordHash, password: &str) -> Option<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier;

    #[test]
    fn verification_in_reused_memory_agrees_with_argon2() {
        let small = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
        let large = Params::new(64, 2, 1, None).unwrap();
        let verifier = Verifier::default();
        for params in [&large, &small, &large, &small] {
            let hash = hash(params, "wonderland");
            for password in ["wonderland", "Wonderland", ""] {
                let expected =
                    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
                assert_eq!(verifier.verify(&hash, password), expected);
                assert_eq!(expected, password == "wonderland");
            }
        }
        assert_eq!(verifier.0.lock().len(), 1, "one buffer for one verification at a time");
    }

    #[test]
    fn an_incomplete_hash_matches_no_password() {
        let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
        let complete = hash(&params, "");
        let verifier = Verifier::default();
        let incomplete = [
            PasswordHash { salt: None, ..complete.clone() },
            PasswordHash { hash: None, ..complete.clone() },
        ];
        for hash in incomplete {
            assert!(!verifier.verify(&hash, ""));
        }
        assert!(verifier.verify(&complete, ""));
    }
}
