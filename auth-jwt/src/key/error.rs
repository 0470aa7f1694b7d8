//! The errors of keys: [`InvalidKey`] for a key that cannot be used, and [`SkippedKey`] for one in
//! a set that is skipped.

use std::error::Error;
use std::fmt;

use crate::algorithm::Algorithm;

/// The reason why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The secret is shorter than the hash of its algorithm (RFC 7518 section 3.2).
    TooShort {
        /// The minimum length in bytes.
        least_bytes: usize,
    },
    /// The RSA modulus is smaller than 2048 bits or larger than 8192 bits.
    RsaSize {
        /// The size of the modulus in bits.
        bits: usize,
    },
    /// The key is not of the type, the curve or the form that this algorithm needs.
    Incompatible(Algorithm),
    /// The key names an algorithm that is not supported, or not the requested one.
    AlgorithmMismatch(Box<str>),
    /// The key is for another use: its `use` is not `sig`, or its `key_ops` do not allow the operation.
    UseMismatch,
    /// The key cannot be read, for this reason.
    Malformed(&'static str),
    /// This member is missing from the JSON Web Key.
    Missing(&'static str),
    /// The key names no algorithm, and its type allows several.
    NoAlgorithm,
    /// The set already has four keys with this `kid` for this algorithm.
    TooManyWithKid(Box<str>),
    /// The set already has four keys without a `kid` for this algorithm.
    TooManyWithoutKid,
    /// The key is a secret or a private key, and its issuer publishes it.
    PublishedSecret,
    /// The set has no keys.
    Empty,
    /// None of the keys in the set can be used.
    NoneUsable(Box<[SkippedKey]>),
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { least_bytes } => {
                write!(f, "a secret for this algorithm must have at least {least_bytes} random bytes")
            }
            Self::RsaSize { bits } => {
                write!(f, "an RSA key must have 2048 to 8192 bits, and this one has {bits}")
            }
            Self::Incompatible(algorithm) => write!(f, "the key is not for {algorithm}"),
            Self::AlgorithmMismatch(name) => {
                write!(f, "the key is only for `{}`", Shown(name))
            }
            Self::UseMismatch => f.write_str("the key is not for signatures"),
            Self::Malformed(what) => write!(f, "the key cannot be read: {what}"),
            Self::Missing(member) => write!(f, "the key has no `{member}`"),
            Self::NoAlgorithm => f.write_str("the key names no algorithm: specify one"),
            Self::TooManyWithKid(kid) => {
                let kid = Shown(kid);
                write!(f, "there are four keys of this algorithm with the `kid` `{kid}` already")
            }
            Self::TooManyWithoutKid => f.write_str(
                "there are four keys of this algorithm without a `kid` already: give this one a `kid`",
            ),
            Self::PublishedSecret => f.write_str("the key is published, and must be secret"),
            Self::Empty => f.write_str("the set has no keys"),
            Self::NoneUsable(skipped) => {
                f.write_str("no key can be used")?;
                skipped.iter().try_for_each(|key| write!(f, "; {key}"))
            }
        }
    }
}

impl Error for InvalidKey {}

/// A key in a set that cannot be used. The other keys in the set are not affected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedKey {
    /// The `kid` of the key, if it has one.
    pub kid: Option<Box<str>>,
    /// Why the key was skipped.
    pub error: InvalidKey,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kid = Shown(self.kid.as_deref().unwrap_or("without a `kid`"));
        write!(f, "key {kid}: {}", self.error)
    }
}

/// A name that an issuer chose, as logs show it: escaped, and without what exceeds 64 characters.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX: usize = 64;
        let Self(name) = self;
        name.chars().take(MAX).try_for_each(|letter| write!(f, "{}", letter.escape_debug()))?;
        f.write_str(if name.chars().nth(MAX).is_some() { "…" } else { "" })
    }
}
