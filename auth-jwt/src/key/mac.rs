//! HMAC (RFC 2104), with a key that is prepared once.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha256, Sha384, Sha512};

use crate::algorithm::Algorithm;

/// A secret as the state that every signature begins from.
///
/// Not aws-lc's: for each signature it copies and wipes a context that has room for any hash. With
/// a token of 450 bytes that takes as long as two and a half blocks of SHA-256 (aws-lc-rs 1.19).
/// This one is not wiped, for wiping every copy, too, would take half of that.
#[derive(Clone)]
pub(crate) enum MacKey {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl MacKey {
    /// # Panics
    /// Never: HMAC takes keys of any length.
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        const ANY: &str = "any length will do";
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

    /// Whether this is its signature, all of it; compared in constant time.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Sha256(mac) => mac.clone().chain_update(message).verify_slice(signature),
            Self::Sha384(mac) => mac.clone().chain_update(message).verify_slice(signature),
            Self::Sha512(mac) => mac.clone().chain_update(message).verify_slice(signature),
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Algorithm; 3] = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

    /// RFC 4231 section 4.3: test case 2, the beginning of each signature.
    #[test]
    fn the_signatures_are_those_of_rfc_4231() {
        let begin = [[0x5b, 0xdc, 0xc1, 0x46], [0xaf, 0x45, 0xd2, 0xe3], [0x16, 0x4b, 0x7a, 0x7b]];
        for ((algorithm, begin), length) in ALL.into_iter().zip(begin).zip([32, 48, 64]) {
            let key = MacKey::new(algorithm, b"Jefe");
            let signature = key.sign(b"what do ya want for nothing?");
            assert_eq!((&signature[..4], signature.len()), (&begin[..], length), "{algorithm:?}");
        }
    }

    #[test]
    fn sec_48_only_the_whole_signature_will_do() {
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
