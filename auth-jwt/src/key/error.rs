//! Why a key cannot be used.

use std::error::Error;
use std::fmt;

use crate::algorithm::Algorithm;

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKey {
    /// A shared secret is shorter than the hash of its algorithm (RFC 7518 section 3.2).
    TooShort {
        /// How many bytes it takes.
        least_bytes: usize,
    },
    /// An RSA modulus is too small, or larger than any verifier takes.
    RsaSize {
        /// How many bits it has.
        bits: usize,
    },
    /// It is no key of the kind that the algorithm takes.
    Incompatible(Algorithm),
    /// It names another algorithm than the one that it is to be used with.
    AlgorithmMismatch(Box<str>),
    /// It is for something else: its `use` is not `sig`, or its `key_ops` do not allow it.
    UseMismatch,
    /// It cannot be read: what is wrong with it.
    Malformed(&'static str),
    /// A member is missing.
    Missing(&'static str),
    /// It names no algorithm, and its type leaves more than one.
    NoAlgorithm,
    /// Two keys have this `kid`.
    DuplicateKid(Box<str>),
    /// Of the keys without a `kid` that are for one algorithm, it is one too many.
    TooManyWithoutKid,
    /// There is no key.
    Empty,
    /// There are keys, and none of them can be used.
    NoneUsable(Box<[SkippedKey]>),
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { least_bytes } => {
                write!(f, "a secret for this algorithm has at least {least_bytes} random bytes")
            }
            Self::RsaSize { bits } => {
                write!(f, "an RSA key has 2048 to 8192 bits, and this one {bits}")
            }
            Self::Incompatible(algorithm) => write!(f, "this is no key for {algorithm}"),
            Self::AlgorithmMismatch(name) => write!(f, "the key is for `{name}` alone"),
            Self::UseMismatch => f.write_str("the key is not for signatures"),
            Self::Malformed(what) => write!(f, "the key cannot be read: {what}"),
            Self::Missing(member) => write!(f, "the key has no `{member}`"),
            Self::NoAlgorithm => f.write_str("the key names no algorithm: say which one"),
            Self::DuplicateKid(kid) => write!(f, "two keys have the `kid` `{kid}`"),
            Self::TooManyWithoutKid => f.write_str(
                "four keys of this algorithm have no `kid` already: no token would be tried with it",
            ),
            Self::Empty => f.write_str("there is no key"),
            Self::NoneUsable(skipped) => {
                f.write_str("no key can be used")?;
                skipped.iter().try_for_each(|key| write!(f, "; {key}"))
            }
        }
    }
}

impl Error for InvalidKey {}

/// A key of a set that cannot be used, which does not spoil the others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedKey {
    /// Its name, if it has one.
    pub kid: Option<Box<str>>,
    /// Why it was skipped.
    pub error: InvalidKey,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kid = self.kid.as_deref().unwrap_or("without a `kid`");
        write!(f, "key {kid}: {}", self.error)
    }
}
