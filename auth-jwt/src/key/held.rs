//! A key as the verifier holds it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auth_core::Timestamp;
use aws_lc_rs::signature::ParsedPublicKey;

use super::mac::MacKey;
use crate::algorithm::Algorithm;

/// A key that was parsed once, and when it ends. Whoever holds it sees at once that it was
/// withdrawn.
pub(crate) struct ParsedKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Box<str>>,
    material: Material,
    ends_at: AtomicU64,
}

#[derive(Clone)]
pub(crate) enum Material {
    Secret(Arc<MacKey>),
    Public(ParsedPublicKey),
}

impl ParsedKey {
    pub(crate) fn new(algorithm: Algorithm, kid: Option<Box<str>>, material: Material) -> Self {
        Self { algorithm, kid, material, ends_at: AtomicU64::new(u64::MAX) }
    }

    pub(crate) fn with_kid(&self, kid: &str) -> Self {
        Self::new(self.algorithm, Some(kid.into()), self.material.clone())
    }

    /// The same key with an end of its own.
    pub(crate) fn copy(&self) -> Self {
        Self::new(self.algorithm, self.kid.clone(), self.material.clone())
    }

    /// Whether the key is a secret that both sides know.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.material, Material::Secret(_))
    }

    /// Whether it made this signature. Secrets are compared in constant time.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(key) => key.verifies(message, signature),
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }

    pub(crate) fn is_good_at(&self, now: Timestamp) -> bool {
        now.as_millis() < self.ends_at.load(Ordering::Relaxed)
    }

    /// Ends it at this moment, and at no other.
    pub(crate) fn end_at(&self, at: Timestamp) {
        self.ends_at.store(at.as_millis(), Ordering::Relaxed);
    }
}

/// Without the secret.
impl fmt::Debug for ParsedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
