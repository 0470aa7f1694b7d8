//! The secret that proves a sign-in, and the digests that a store keeps of it.
//!
//! A store never holds a secret, so that reading a store does not let anyone act for a user. Digests
//! are compared in constant time, and secrets are wiped on drop.

use std::fmt;

use auth_core::SignInId;
use base64_simd::{Out, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a secret is used as.
///
/// The kind is part of every digest, so that a secret of one kind is never accepted as one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SecretKind {
    /// A session cookie.
    Cookie = 1,
    /// An opaque token in an `Authorization` header.
    Bearer = 2,
    /// A refresh token, which never authenticates a request.
    Refresh = 3,
}

impl SecretKind {
    /// Returns the name of the scheme that a secret of this kind authenticates by.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Cookie => "session",
            Self::Bearer => "bearer",
            Self::Refresh => "refresh",
        }
    }
}

/// A sign-in's secret: the public id, a random family of 128 bits and a random verifier of 256 bits.
///
/// The family stays the same when the secret is refreshed. This distinguishes an old secret, which may
/// have been stolen, from a forged one. `Debug` shows the public id only; the bytes are wiped on drop.
#[derive(Clone)]
pub struct Secret([u8; 64]);

impl Secret {
    /// The length of a secret's text form.
    pub const TEXT_LEN: usize = 86;

    /// Generates a secret for this sign-in with the operating system's random number generator.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system provides no randomness.
    pub fn generate(id: SignInId) -> Result<Self, getrandom::Error> {
        let mut secret = Self([0; 64]);
        secret.0[..16].copy_from_slice(id.as_bytes());
        getrandom::fill(&mut secret.0[16..])?;
        Ok(secret)
    }

    /// Parses a secret's text form: exactly 86 characters of base64url without padding.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut secret = Self([0; 64]);
        let written = URL_SAFE_NO_PAD.decode(text, Out::from_slice(&mut secret.0)).ok()?.len();
        (written == secret.0.len()).then_some(secret)
    }

    /// Returns the secret's text form, for the client only.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode_to_string(self.0))
    }

    /// Returns the public id of the sign-in that this secret claims to prove.
    #[must_use]
    pub fn id(&self) -> SignInId {
        SignInId::from_bytes(std::array::from_fn(|i| self.0[i]))
    }

    /// Returns the digests that a store keeps of this secret, used as one of `kind`.
    #[must_use]
    pub fn digests(&self, kind: SecretKind) -> SecretDigests {
        SecretDigests { family: self.family_digest(kind), current: self.digest(kind) }
    }

    /// Returns the digest of family and verifier, which equals
    /// [`Record::current`](crate::Record::current) if this is the current secret.
    #[must_use]
    pub fn digest(&self, kind: SecretKind) -> Digest {
        let mut block = [0; 55]; // with its padding, one block of SHA-256
        block[..6].copy_from_slice(b"auth/v");
        block[6] = kind as u8;
        block[7..].copy_from_slice(&self.0[16..]);
        let digest = Sha256::digest(block);
        wipe(&mut block);
        Digest(digest.into())
    }

    /// Returns the digest of the family.
    #[must_use]
    pub fn family_digest(&self, kind: SecretKind) -> FamilyDigest {
        let mut hash = Sha256::new_with_prefix(b"auth/f");
        hash.update([kind as u8]);
        hash.update(&self.0[16..32]);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        FamilyDigest(digest)
    }

    /// Derives the secret that replaces this one: the next verifier is the HMAC-SHA256 of `nonce` under
    /// the current verifier.
    ///
    /// The same secret and nonce always yield the same successor, so that a retry after a lost response
    /// receives the secret that the first attempt created.
    #[must_use]
    #[allow(clippy::missing_panics_doc)] // it does not panic
    pub fn successor(&self, nonce: &Nonce) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0[32..]).expect("HMAC accepts keys of any length");
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

/// Overwrites bytes that are not read again. The barrier keeps the compiler from dropping the writes;
/// unlike `zeroize()`, this compiles to a few wide stores.
fn wipe<const N: usize>(bytes: &mut [u8; N]) {
    *bytes = [0; N];
    zeroize::optimization_barrier(bytes);
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// What a store keeps of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretDigests {
    /// The digest of the family.
    pub family: FamilyDigest,
    /// The digest of the current verifier.
    pub current: Digest,
}

/// The SHA-256 digest of a verifier, its family and its kind. `==` takes constant time.
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

/// The first 128 bits of the SHA-256 digest of a family and its kind: as many as the family has. `==`
/// takes constant time.
#[derive(Clone, Copy)]
pub struct FamilyDigest(pub [u8; 16]);

impl PartialEq for FamilyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for FamilyDigest {}

/// The random value from which a secret's [successor](Secret::successor) is derived. It is stored
/// for as long as a refresh may be repeated, and is useless without the old secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// Stands for no nonce: a refresh with the old secret cannot be repeated.
    pub(crate) const NONE: Self = Self([0; 16]);

    /// Generates a nonce with the operating system's random number generator.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system provides no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut nonce = Self([0; 16]);
        getrandom::fill(&mut nonce.0)?;
        Ok(nonce)
    }
}

macro_rules! redacted_debug {
    ($($ty:ident)*) => {
        $(impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($ty), "(..)"))
            }
        })*
    };
}

redacted_debug!(Digest FamilyDigest Nonce);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> Secret {
        Secret::generate(SignInId::from_bytes([7; 16])).unwrap()
    }

    #[test]
    fn sec_02_03_two_secrets_differ_in_family_and_verifier() {
        let (a, b) = (secret(), secret());
        assert_eq!(a.0[..16], b.0[..16], "the id is the same");
        assert_ne!(a.0[16..32], b.0[16..32], "a family of 128 bits");
        assert_ne!(a.0[32..], b.0[32..], "a verifier of 256 bits");
    }

    #[test]
    fn sec_36_the_text_form_contains_only_the_id_and_random_bytes() {
        let secret = secret();
        let text = secret.to_text();
        let raw = URL_SAFE_NO_PAD.decode_to_vec(text.as_bytes()).unwrap();
        assert_eq!(raw.len(), 64);
        assert_eq!(&raw[..16], secret.id().as_bytes());
    }

    #[test]
    fn sec_74_debug_shows_no_secret() {
        let secret = secret();
        let shown = format!("{secret:?} {:?}", secret.digests(SecretKind::Cookie));
        let text = secret.to_text();
        assert!(!shown.contains(&text[43..]), "{shown}");
        assert!(shown.contains(&secret.id().to_string()));
    }

    #[test]
    fn sec_81_kinds_have_different_digests() {
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
    fn a_successor_is_determined_by_secret_and_nonce() {
        let (old, other) = (secret(), secret());
        let nonce = Nonce([1; 16]);
        let digest = |secret: &Secret| secret.digest(SecretKind::Refresh);
        assert_eq!(digest(&old.successor(&nonce)), digest(&old.successor(&nonce)));
        assert_ne!(digest(&old.successor(&nonce)), digest(&old.successor(&Nonce([2; 16]))));
        assert_ne!(digest(&old.successor(&nonce)), digest(&other.successor(&nonce)));
    }

    proptest! {
        #[test]
        fn sec_07_only_the_exact_text_form_is_parsed(text in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some(secret) = Secret::parse(&text) {
                let again = secret.to_text();
                prop_assert_eq!(again.as_bytes(), &text[..], "one secret has one text");
            }
        }

        #[test]
        fn a_changed_character_makes_another_secret(at in 0usize..Secret::TEXT_LEN, letter in "[A-Za-z0-9_-]") {
            let secret = secret();
            let mut text = secret.to_text().as_bytes().to_vec();
            prop_assume!(text[at] != letter.as_bytes()[0]);
            text[at] = letter.as_bytes()[0];
            if let Some(other) = Secret::parse(&text) {
                let same = other.id() == secret.id()
                    && other.digests(SecretKind::Cookie) == secret.digests(SecretKind::Cookie);
                prop_assert!(!same);
            }
        }
    }
}
