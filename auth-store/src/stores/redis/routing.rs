//! Which tag a subject has.

use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use parking_lot::RwLock;
use sha2::Sha256;

use super::keys::Tag;

/// The length of the key.
pub(super) const KEY: usize = 32;

/// The key of the hash that makes tags of subjects. Without it nobody can tell whose sign-in an id
/// is, or choose names that all come to one server.
pub(super) struct Routing {
    key: RwLock<[u8; KEY]>,
    /// How many connections had been opened when the key was last compared with the stored one.
    compared_at: AtomicU64,
}

impl Routing {
    pub(super) fn new(key: [u8; KEY]) -> Self {
        Self { key: RwLock::new(key), compared_at: AtomicU64::new(u64::MAX) }
    }

    pub(super) fn key(&self) -> [u8; KEY] {
        *self.key.read()
    }

    /// Whether the key was compared since so many connections had been opened.
    pub(super) fn is_compared(&self, opened: u64) -> bool {
        self.compared_at.load(Ordering::Acquire) == opened
    }

    /// Takes the stored key for its own, and says whether it was another.
    pub(super) fn adopt(&self, stored: [u8; KEY], opened: u64) -> bool {
        let mut key = self.key.write();
        let differs = *key != stored;
        *key = stored;
        self.compared_at.store(opened, Ordering::Release);
        differs
    }

    pub(super) fn tag(&self, subject: &str) -> Tag {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key()).expect("any length will do");
        mac.update(subject.as_bytes());
        let hash = mac.finalize().into_bytes();
        Tag([hash[0], hash[1]])
    }
}
