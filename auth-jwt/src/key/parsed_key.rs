//! The key that verifies a signature: parsed once, and shared by every token that it verified.
//!
//! HMAC (RFC 2104) uses the crate `hmac`, and not aws-lc, which copies and wipes a context large enough
//! for any hash at each signature. For a token of 450 bytes, that takes as long as two and a half blocks
//! of SHA-256 (aws-lc-rs 1.19).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auth_core::Timestamp;
use aws_lc_rs::signature::ParsedPublicKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha256, Sha384, Sha512};

use crate::algorithm::Algorithm;

/// A parsed key, and when it ends. The cache of verified tokens shares it with the set of keys, so a
/// withdrawn key ends for cached tokens at once.
pub(crate) struct ParsedKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Box<str>>,
    /// The only issuers of the tokens that this key verifies, or empty if they are not restricted.
    /// `{tenantid}` in a name stands for the claim `tid`.
    pub(crate) issuers: Vec<Box<str>>,
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
        Self { algorithm, kid, issuers: Vec::new(), material, ends_at: AtomicU64::new(u64::MAX) }
    }

    pub(crate) fn with_kid(&self, kid: &str) -> Self {
        Self { kid: Some(kid.into()), ..self.copy() }
    }

    pub(crate) fn for_issuers(&self, issuers: Vec<Box<str>>) -> Self {
        Self { issuers, ..self.copy() }
    }

    /// Returns the same key with an end of its own.
    pub(crate) fn copy(&self) -> Self {
        let issuers = self.issuers.clone();
        Self { issuers, ..Self::new(self.algorithm, self.kid.clone(), self.material.clone()) }
    }

    /// Returns whether the other key makes the same signatures under the same name. Secrets are never equal.
    pub(crate) fn is_equal(&self, other: &Self) -> bool {
        let (Material::Public(own), Material::Public(others)) = (&self.material, &other.material)
        else {
            return false;
        };
        (self.algorithm, &self.kid) == (other.algorithm, &other.kid)
            && own.as_ref() == others.as_ref()
    }

    /// Returns whether this is a secret of HMAC.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.material, Material::Secret(_))
    }

    /// Returns whether this key made the signature. HMAC signatures are compared in constant time.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(key) => key.verifies(message, signature),
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }

    /// Returns whether the key has not ended yet.
    pub(crate) fn is_good_at(&self, now: Timestamp) -> bool {
        now.as_millis() < self.ends_at.load(Ordering::Acquire)
    }

    /// Sets when the key ends. It replaces an earlier end.
    pub(crate) fn end_at(&self, at: Timestamp) {
        self.ends_at.store(at.as_millis(), Ordering::Release);
    }
}

/// Leaves out the secret.
impl fmt::Debug for ParsedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// A secret, in the state that every signature starts from. It is not wiped on drop: wiping every
/// copy as well would cost half of what using this crate saves.
#[derive(Clone)]
pub(crate) enum MacKey {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl MacKey {
    /// # Panics
    ///
    /// Never panics: HMAC takes keys of any length.
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        const ANY: &str = "HMAC takes keys of any length";
        match algorithm {
            Algorithm::Hs384 => Self::Sha384(Hmac::new_from_slice(secret).expect(ANY)),
            Algorithm::Hs512 => Self::Sha512(Hmac::new_from_slice(secret).expect(ANY)),
            _ => Self::Sha256(Hmac::new_from_slice(secret).expect(ANY)),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256(mac) => mac.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Sha384(mac) => mac.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Sha512(mac) => mac.clone().chain_update(message).finalize().into_bytes().to_vec(),
        }
    }

    /// Returns whether this is the signature, in full length. It is compared in constant time.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Sha256(mac) => mac.clone().chain_update(message).verify_slice(signature),
            Self::Sha384(mac) => mac.clone().chain_update(message).verify_slice(signature),
            Self::Sha512(mac) => mac.clone().chain_update(message).verify_slice(signature),
        };
        verified.is_ok()
    }
}

/// The maximum number of keys of one algorithm that a token cannot distinguish, and of keys that are tried
/// for a token that does not name them. It bounds the cost of a forged token.
pub(crate) const MAX_ALIKE: usize = 4;

/// Returns whether this key can be tried in addition to these.
pub(crate) fn can_be_tried(key: &ParsedKey, others: &[Arc<ParsedKey>]) -> bool {
    let alike = |other: &&Arc<ParsedKey>| other.kid == key.kid && other.algorithm == key.algorithm;
    others.iter().filter(alike).count() < MAX_ALIKE
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Algorithm; 3] = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

    /// RFC 4231 section 4.3: test case 2, the first bytes of each signature.
    #[test]
    fn signatures_are_those_of_rfc_4231() {
        let first = [[0x5b, 0xdc, 0xc1, 0x46], [0xaf, 0x45, 0xd2, 0xe3], [0x16, 0x4b, 0x7a, 0x7b]];
        for ((algorithm, first), length) in ALL.into_iter().zip(first).zip([32, 48, 64]) {
            let key = MacKey::new(algorithm, b"Jefe");
            let signature = key.sign(b"what do ya want for nothing?");
            assert_eq!((&signature[..4], signature.len()), (&first[..], length), "{algorithm:?}");
        }
    }

    #[test]
    fn sec_48_only_the_whole_signature_verifies() {
        for algorithm in ALL {
            let key = MacKey::new(algorithm, &[7; 64]);
            let signature = key.sign(b"message");
            assert!(key.verifies(b"message", &signature));
            assert!(!key.verifies(b"Message", &signature));
            assert!(!MacKey::new(algorithm, &[8; 64]).verifies(b"message", &signature));
            let longer = [&*signature, &[0]].concat();
            let (shorter, mut other) = (&signature[..signature.len() - 1], signature.clone());
            other[0] ^= 1;
            for signature in [&[], shorter, &*longer, &*other] {
                assert!(!key.verifies(b"message", signature), "{algorithm:?}");
            }
        }
    }
}
