//! The issuer of the tokens: a generated key, and its verifying half in the formats of the cases.
//!
//! Each library takes keys in another format. All of them verify tokens of the same key, so that only
//! the libraries differ.

use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyUncompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ParsedPublicKey, RsaKeyPair,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The `kid` of every key.
pub const KID: &str = "2026-01";

/// A measured algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alg {
    Hs256,
    /// With a modulus of 2048 bits.
    Rs256,
    Es256,
    EdDsa,
}

impl Alg {
    /// Returns its name in RFC 7518 or RFC 8037.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A key that signs the tokens.
pub enum Issuer {
    Hmac([u8; 32]),
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Issuer {
    pub fn new(alg: Alg) -> Self {
        match alg {
            Alg::Hs256 => {
                let mut secret = [0; 32];
                rand::fill(&mut secret).unwrap();
                Self::Hmac(secret)
            }
            Alg::Rs256 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
            Alg::Es256 => {
                let alg = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                Self::Ecdsa(EcdsaKeyPair::generate(alg).unwrap())
            }
            Alg::EdDsa => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Hmac(_) => hmac::sign(&self.hmac(), message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ecdsa(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// Returns the verifying key as a JWK.
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let common = |alg: Alg| json!({ "kid": KID, "use": "sig", "alg": alg.name() });
        let (mut jwk, own) = match self {
            Self::Hmac(secret) => (common(Alg::Hs256), json!({ "kty": "oct", "k": text(secret) })),
            Self::Rsa(pair) => {
                let key = pair.public_key();
                let n = text(key.modulus().big_endian_without_leading_zero());
                let e = text(key.exponent().big_endian_without_leading_zero());
                (common(Alg::Rs256), json!({ "kty": "RSA", "n": n, "e": e }))
            }
            Self::Ecdsa(pair) => {
                let point: EcPublicKeyUncompressedBin<'_> =
                    pair.public_key().as_be_bytes().unwrap();
                let (x, y) = point.as_ref()[1..].split_at(32);
                let key = json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) });
                (common(Alg::Es256), key)
            }
            Self::Ed25519(pair) => {
                let x = text(pair.public_key().as_ref());
                (common(Alg::EdDsa), json!({ "kty": "OKP", "crv": "Ed25519", "x": x }))
            }
        };
        jwk.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        jwk
    }

    /// Returns the verifying key, parsed for aws-lc-rs.
    ///
    /// # Panics
    ///
    /// Panics for HMAC, which has no public key.
    pub fn parsed(&self) -> ParsedPublicKey {
        match self {
            Self::Hmac(_) => panic!("HMAC has no public key"),
            Self::Rsa(pair) => {
                ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, pair.public_key())
            }
            Self::Ecdsa(pair) => {
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key())
            }
            Self::Ed25519(pair) => ParsedPublicKey::new(&signature::ED25519, pair.public_key()),
        }
        .unwrap()
    }

    /// Returns the key of HMAC.
    ///
    /// # Panics
    ///
    /// Panics for all other algorithms.
    pub fn hmac(&self) -> hmac::Key {
        let Self::Hmac(secret) = self else { panic!("only HMAC has a secret") };
        hmac::Key::new(hmac::HMAC_SHA256, secret)
    }
}
