//! The secret that proves a sign-in, and the digests that are kept of it.

use std::fmt;

use auth_core::SignInId;
use base64_simd::{Out, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a secret is for. A secret of one kind is never accepted as one of another: the kind is
/// part of every digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SecretKind {
    /// A session cookie.
    Cookie = 1,
    /// A session in an `Authorization` header.
    Bearer = 2,
    /// A refresh token, which never authenticates a request.
    Refresh = 3,
}

impl SecretKind {
    /// The name of the scheme that such a secret authenticates by.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Cookie => "session",
            Self::Bearer => "bearer",
            Self::Refresh => "refresh",
        }
    }
}

/// A sign-in's secret: its public id, a family of 128 bits and a verifier of 256 bits.
///
/// The family stays while the secret is refreshed, so that an old secret can be told from a forged
/// one. `Debug` shows the public id only; the bytes are wiped on drop.
#[derive(Clone)]
pub struct Secret([u8; 64]);

impl Secret {
    /// The length of a secret's text form.
    pub const TEXT_LEN: usize = 86;

    /// A new secret for this sign-in, from the operating system's generator.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    pub fn generate(sid: SignInId) -> Result<Self, getrandom::Error> {
        let mut secret = Self([0; 64]);
        secret.0[..16].copy_from_slice(sid.as_bytes());
        getrandom::fill(&mut secret.0[16..])?;
        Ok(secret)
    }

    /// Reads a secret's text form: 86 characters of base64url, and nothing else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut secret = Self([0; 64]);
        let written = URL_SAFE_NO_PAD.decode(text, Out::from_slice(&mut secret.0)).ok()?.len();
        (written == secret.0.len()).then_some(secret)
    }

    /// The secret's text form, for the client alone.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode_to_string(self.0))
    }

    /// The public id of the sign-in that this secret claims to prove.
    #[must_use]
    pub fn sid(&self) -> SignInId {
        SignInId::from_bytes(std::array::from_fn(|i| self.0[i]))
    }

    /// What is kept of it when it is a secret of this kind.
    #[must_use]
    pub fn digests(&self, kind: SecretKind) -> SecretDigests {
        SecretDigests { family: self.family_digest(kind), current: self.digest(kind) }
    }

    /// What [`Record::current`](crate::Record::current) is, if this is the current secret: the
    /// digest of family and verifier, one block of SHA-256 with its padding.
    #[must_use]
    pub fn digest(&self, kind: SecretKind) -> Digest {
        let mut block = [0; 55];
        block[..6].copy_from_slice(b"auth/v");
        block[6] = kind as u8;
        block[7..].copy_from_slice(&self.0[16..]);
        let digest = Sha256::digest(block);
        wipe(&mut block);
        Digest(digest.into())
    }

    /// What is kept of its family when it is a secret of this kind.
    #[must_use]
    pub fn family_digest(&self, kind: SecretKind) -> FamilyDigest {
        let mut hash = Sha256::new_with_prefix(b"auth/f");
        hash.update([kind as u8]);
        hash.update(&self.0[16..32]);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        FamilyDigest(digest)
    }

    /// The secret that follows this one: everybody who holds this one and learns `nonce` derives
    /// the same, so a retry after a lost response gets what the first try got.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn successor(&self, nonce: &Nonce) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0[32..]).expect("any length will do");
        mac.update(b"auth/successor");
        mac.update(&nonce.0);
        let mut next = self.clone();
        next.0[32..].copy_from_slice(&mac.finalize().into_bytes());
        next
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites bytes that are not read again, in a few wide stores.
fn wipe<const N: usize>(bytes: &mut [u8; N]) {
    *bytes = [0; N];
    zeroize::optimization_barrier(bytes);
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("sid", &self.sid()).finish_non_exhaustive()
    }
}

/// What a store keeps of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretDigests {
    /// Of the family.
    pub family: FamilyDigest,
    /// Of the verifier that is good now.
    pub current: Digest,
}

/// The SHA-256 of a verifier, its family and its kind. Compared in constant time.
#[derive(Clone, Copy)]
pub struct Digest(pub [u8; 32]);

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        let words = |bytes: &[u8; 32]| -> [u64; 4] {
            std::array::from_fn(|i| {
                u64::from_ne_bytes(std::array::from_fn(|byte| bytes[i * 8 + byte]))
            })
        };
        words(&self.0).ct_eq(&words(&other.0)).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// Half of the SHA-256 of a family and its kind: as long as the family itself.
#[derive(Clone, Copy)]
pub struct FamilyDigest(pub [u8; 16]);

impl PartialEq for FamilyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for FamilyDigest {}

impl fmt::Debug for FamilyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FamilyDigest(..)")
    }
}

/// What is kept for as long as a refresh may be repeated. Without the old secret it is worth
/// nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// A new one, from the operating system's generator.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut nonce = Self([0; 16]);
        getrandom::fill(&mut nonce.0)?;
        Ok(nonce)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> Secret {
        Secret::generate(SignInId::from_bytes([7; 16])).unwrap()
    }

    #[test]
    fn sec_02_03_two_secrets_differ_in_all_their_random_bytes() {
        let (a, b) = (secret(), secret());
        assert_eq!(a.0[..16], b.0[..16], "the id is given");
        assert_ne!(a.0[16..32], b.0[16..32], "a family of 128 bits");
        assert_ne!(a.0[32..], b.0[32..], "a verifier of 256 bits");
    }

    #[test]
    fn sec_36_the_text_is_random_bytes_and_nothing_else() {
        let secret = secret();
        let text = secret.to_text();
        let raw = URL_SAFE_NO_PAD.decode_to_vec(text.as_bytes()).unwrap();
        assert_eq!(raw.len(), 64);
        assert_eq!(&raw[..16], secret.sid().as_bytes());
    }

    #[test]
    fn sec_74_debug_shows_no_secret() {
        let secret = secret();
        let shown = format!("{secret:?} {:?}", secret.digests(SecretKind::Cookie));
        let text = secret.to_text();
        assert!(!shown.contains(&text[43..]), "{shown}");
        assert!(shown.contains(&secret.sid().to_string()));
    }

    #[test]
    fn sec_81_every_kind_has_digests_of_its_own() {
        let secret = secret();
        let kinds = [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh];
        for (i, a) in kinds.iter().enumerate() {
            for b in &kinds[i + 1..] {
                assert_ne!(secret.digests(*a).family, secret.digests(*b).family);
                assert_ne!(secret.digests(*a).current, secret.digests(*b).current);
            }
        }
    }

    #[test]
    fn a_successor_is_derived_alike_and_needs_both_parts() {
        let (old, other) = (secret(), secret());
        let nonce = Nonce([1; 16]);
        let digest = |secret: &Secret| secret.digest(SecretKind::Refresh);
        assert_eq!(digest(&old.successor(&nonce)), digest(&old.successor(&nonce)));
        assert_ne!(digest(&old.successor(&nonce)), digest(&old.successor(&Nonce([2; 16]))));
        assert_ne!(digest(&old.successor(&nonce)), digest(&other.successor(&nonce)));
    }

    proptest! {
        #[test]
        fn sec_07_only_the_exact_text_is_a_secret(text in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some(secret) = Secret::parse(&text) {
                let again = secret.to_text();
                prop_assert_eq!(again.as_bytes(), &text[..], "one secret has one text");
            }
        }

        #[test]
        fn a_changed_letter_is_another_secret(at in 0usize..Secret::TEXT_LEN, letter in "[A-Za-z0-9_-]") {
            let secret = secret();
            let mut text = secret.to_text().as_bytes().to_vec();
            prop_assume!(text[at] != letter.as_bytes()[0]);
            text[at] = letter.as_bytes()[0];
            if let Some(other) = Secret::parse(&text) {
                let same = other.sid() == secret.sid()
                    && other.digests(SecretKind::Cookie) == secret.digests(SecretKind::Cookie);
                prop_assert!(!same);
            }
        }
    }
}
