//! The numbers of a public key: read from PEM (RFC 7468), checked, and parsed for verification.
//!
//! Every public key passes [`Components::parse`], whatever format it comes in, so the minimum sizes and
//! the checks of weak keys are in one place.

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use curve25519_dalek::edwards::CompressedEdwardsY;
use jsonwebtoken::{DecodingKey, EncodingKey};
use zeroize::Zeroizing;

use super::error::InvalidKey;
use super::roca;
use crate::algorithm::{Algorithm, KeyRequirement};

/// The maximum size of an RSA modulus. The larger it is, the longer a verification takes.
const MAX_RSA_BITS: usize = 8192;

/// The numbers of a public key, big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Components {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point: 4, x, y.
    Curve {
        point: Vec<u8>,
    },
    Ed25519 {
        x: Vec<u8>,
    },
}

impl Components {
    /// Checks the key, and prepares it for this algorithm.
    pub(crate) fn parse(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, InvalidKey> {
        let incompatible = |_| InvalidKey::Incompatible(algorithm);
        match (self, algorithm.key_requirement()) {
            (Self::Rsa { n, e }, KeyRequirement::Rsa { least_bits }) => {
                let (n, e) = (without_zeros(n), without_zeros(e));
                let bits = bits(n);
                if !(least_bits..=MAX_RSA_BITS).contains(&bits) {
                    return Err(InvalidKey::RsaSize { bits });
                }
                if roca::has_fingerprint(n) {
                    return Err(InvalidKey::Roca);
                }
                if e.len() > 8 || e == [1] || e.last().is_none_or(|last| last % 2 == 0) {
                    return Err(InvalidKey::Malformed(
                        "the exponent is not an odd number greater than 1",
                    ));
                }
                let parameters =
                    rsa_parameters(algorithm).ok_or(InvalidKey::Incompatible(algorithm))?;
                RsaPublicKeyComponents { n, e }
                    .to_parsed_public_key(parameters)
                    .map_err(incompatible)
            }
            (Self::Curve { point }, KeyRequirement::Curve(curve)) => {
                let verification: &'static dyn VerificationAlgorithm = match curve {
                    "P-256" => &ECDSA_P256_SHA256_FIXED,
                    "P-384" => &ECDSA_P384_SHA384_FIXED,
                    "P-521" => &ECDSA_P521_SHA512_FIXED,
                    _ => return Err(InvalidKey::Incompatible(algorithm)),
                };
                if coordinate_bytes(curve).is_none_or(|bytes| point.len() != 1 + 2 * bytes) {
                    return Err(InvalidKey::Incompatible(algorithm));
                }
                ParsedPublicKey::new(verification, point).map_err(incompatible)
            }
            (Self::Ed25519 { x }, KeyRequirement::Curve("Ed25519")) => {
                check_ed25519(x)?;
                ParsedPublicKey::new(&ED25519, x).map_err(incompatible)
            }
            _ => Err(InvalidKey::Incompatible(algorithm)),
        }
    }
}

/// Returns the length of a coordinate of a point on this curve, which is also that of a private key (RFC
/// 7518 sections 6.2.1.2 and 6.2.2.1).
pub(super) fn coordinate_bytes(curve: &str) -> Option<usize> {
    match curve {
        "P-256" => Some(32),
        "P-384" => Some(48),
        "P-521" => Some(66),
        _ => None,
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// Checks that this is a point on the curve, and not one of small order: with such a key, anyone can sign
/// anything (RFC 8725 section 3.4). Verifying a signature does not check this.
fn check_ed25519(x: &[u8]) -> Result<(), InvalidKey> {
    let not_a_point = InvalidKey::Malformed("it is not a point on the curve");
    let compressed = CompressedEdwardsY::from_slice(x).map_err(|_| not_a_point.clone())?;
    match compressed.decompress() {
        None => Err(not_a_point),
        Some(point) if point.is_small_order() => {
            Err(InvalidKey::Malformed("it is a point of small order"))
        }
        Some(_) => Ok(()),
    }
}

pub(super) fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

const UNREADABLE: InvalidKey =
    InvalidKey::Malformed("it is not a key or a certificate in PEM, of this kind of key");

/// Reads the public numbers from a PEM file, which may be a certificate. Its validity does not matter.
pub(super) fn public_from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Components, InvalidKey> {
    let bytes = |key: Result<DecodingKey, _>| {
        let key: DecodingKey = key.map_err(|_| UNREADABLE)?;
        Ok(key.try_get_as_bytes().map_err(|_| UNREADABLE)?.to_vec())
    };
    match algorithm.key_requirement() {
        KeyRequirement::Secret { .. } => Err(InvalidKey::Incompatible(algorithm)),
        KeyRequirement::Rsa { .. } => {
            let der = bytes(DecodingKey::from_rsa_pem(pem))?;
            let key = RsaPublicKey::from_der(&der).map_err(|_| UNREADABLE)?;
            let RsaPublicKeyComponents { n, e } = (&key).into();
            Ok(Components::Rsa { n, e })
        }
        KeyRequirement::Curve("Ed25519") => {
            Ok(Components::Ed25519 { x: bytes(DecodingKey::from_ed_pem(pem))? })
        }
        KeyRequirement::Curve(_) => {
            Ok(Components::Curve { point: bytes(DecodingKey::from_ec_pem(pem))? })
        }
    }
}

/// Reads the DER of a private key from a PEM file.
pub(super) fn private_from_pem(
    algorithm: Algorithm,
    pem: &[u8],
) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    let key = match algorithm.key_requirement() {
        KeyRequirement::Secret { .. } => return Err(InvalidKey::Incompatible(algorithm)),
        KeyRequirement::Rsa { .. } => EncodingKey::from_rsa_pem(pem),
        KeyRequirement::Curve("Ed25519") => EncodingKey::from_ed_pem(pem),
        KeyRequirement::Curve(_) => EncodingKey::from_ec_pem(pem),
    };
    key.map(|key| Zeroizing::new(key.as_bytes().to_vec())).map_err(|_| UNREADABLE)
}
