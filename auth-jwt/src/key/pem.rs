//! Keys in PEM files (RFC 7468).

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::RsaPublicKeyComponents;
use jsonwebtoken::{DecodingKey, EncodingKey};
use zeroize::Zeroizing;

use super::components::Components;
use super::error::InvalidKey;
use crate::algorithm::{Algorithm, KeyRequirement};

const UNREADABLE: InvalidKey =
    InvalidKey::Malformed("it is no PEM of a key of this kind: PKCS#8 or SubjectPublicKeyInfo");

/// The public numbers in a PEM file.
pub(super) fn public(algorithm: Algorithm, pem: &[u8]) -> Result<Components, InvalidKey> {
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

/// The DER of a private key in a PEM file.
pub(super) fn private(algorithm: Algorithm, pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    let key = match algorithm.key_requirement() {
        KeyRequirement::Secret { .. } => return Err(InvalidKey::Incompatible(algorithm)),
        KeyRequirement::Rsa { .. } => EncodingKey::from_rsa_pem(pem),
        KeyRequirement::Curve("Ed25519") => EncodingKey::from_ed_pem(pem),
        KeyRequirement::Curve(_) => EncodingKey::from_ec_pem(pem),
    };
    key.map(|key| Zeroizing::new(key.as_bytes().to_vec())).map_err(|_| UNREADABLE)
}
