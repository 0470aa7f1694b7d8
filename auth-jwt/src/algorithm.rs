//! The signature algorithms, and the keys that each of them needs. A key is bound to one algorithm, so the
//! header of a token cannot choose how a key is used (RFC 8725 section 3.1).

use std::fmt;
use std::str::FromStr;

/// A signature algorithm: an `alg` of RFC 7518 section 3.1 or RFC 8037. `none` is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// `EdDSA` with Ed25519, also called `Ed25519` (RFC 9864).
    EdDsa,
}

/// The kind of key that an algorithm needs, and its minimum size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRequirement {
    /// A secret with a minimum length (RFC 7518 section 3.2).
    Secret {
        /// The minimum length in bytes: that of the hash.
        least_bytes: usize,
    },
    /// An RSA key with a minimum size (RFC 7518 section 3.3).
    Rsa {
        /// The minimum size of the modulus in bits.
        least_bits: usize,
    },
    /// A key on this curve.
    Curve(&'static str),
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 13] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// Returns the name, as in the header of a token.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Returns the kind of key that this algorithm needs. A key is bound to one algorithm, so a public key can
    /// never be used as a secret (RFC 8725 section 2.1).
    #[must_use]
    pub fn key_requirement(self) -> KeyRequirement {
        match self {
            Self::Hs256 => KeyRequirement::Secret { least_bytes: 32 },
            Self::Hs384 => KeyRequirement::Secret { least_bytes: 48 },
            Self::Hs512 => KeyRequirement::Secret { least_bytes: 64 },
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                KeyRequirement::Rsa { least_bits: 2048 }
            }
            Self::Es256 => KeyRequirement::Curve("P-256"),
            Self::Es384 => KeyRequirement::Curve("P-384"),
            Self::Es512 => KeyRequirement::Curve("P-521"),
            Self::EdDsa => KeyRequirement::Curve("Ed25519"),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

auth_core::error_with_message! {
    /// The error for the name of an algorithm that is not supported.
    pub struct UnknownAlgorithm: "the algorithm must be a supported JWS algorithm, such as `ES256`"
}

/// Names are case-sensitive (RFC 7515 section 4.1.1).
impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        if name == "Ed25519" {
            return Ok(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_algorithm() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDsa));
    }

    #[test]
    fn sec_49_none_and_other_spellings_are_rejected() {
        for name in ["none", "None", "NONE", "", "hs256", "HS256 ", "RS1", "ES256K", "Ed448"] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name}");
        }
    }

    #[test]
    fn sec_56_a_secret_is_at_least_as_long_as_the_hash() {
        let min_bits = |algorithm: Algorithm| match algorithm.key_requirement() {
            KeyRequirement::Secret { least_bytes } => least_bytes * 8,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512].map(min_bits),
            [256, 384, 512]
        );
    }
}
