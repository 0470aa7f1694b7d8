//! Keys that sign any bytes, also those that the library would not sign.

use std::fmt;
use std::sync::LazyLock;

use auth_jwt::{Algorithm, Key, KeyRequirement, SigningKey, SigningKeys};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{hmac, rand};
use serde_json::{Value, json};

use super::text::encoded;

/// A key for one algorithm that signs any bytes, which [`SigningKey`] does not.
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    /// Verifies its signatures.
    pub(crate) key: Key,
    private: Private,
}

/// Makes the signatures.
enum Private {
    Secret(Vec<u8>),
    Pair(SigningKey),
}

/// Generating an RSA key is the most expensive step of a test, so all tests share one.
static RSA: LazyLock<String> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Rs256).unwrap().to_pem().unwrap().to_string());

impl Signer {
    /// Creates a new key without a `kid`. RSA keys differ only in their algorithm.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm.key_requirement() {
            KeyRequirement::Secret { least_bytes } => {
                let mut secret = vec![0; least_bytes];
                rand::fill(&mut secret).unwrap();
                Self::shared(algorithm, &secret)
            }
            KeyRequirement::Rsa { .. } => Self::of(SigningKey::from_pem(algorithm, &*RSA).unwrap()),
            KeyRequirement::Curve(_) => Self::of(SigningKey::generate(algorithm).unwrap()),
        }
    }

    /// Creates a key for each algorithm.
    pub(crate) fn all() -> Vec<Self> {
        Algorithm::ALL.into_iter().map(Self::new).collect()
    }

    /// Creates a signer from a secret.
    pub(crate) fn shared(algorithm: Algorithm, secret: &[u8]) -> Self {
        let key = match algorithm {
            Algorithm::Hs384 => Key::hs384(secret),
            Algorithm::Hs512 => Key::hs512(secret),
            _ => Key::hs256(secret),
        };
        let private = Private::Secret(secret.to_vec());
        Self { algorithm, key: key.unwrap().into(), private }
    }

    /// Creates a signer from a key pair, with its `kid`.
    pub(crate) fn of(pair: SigningKey) -> Self {
        let key = pair.public_key().clone();
        Self { algorithm: pair.algorithm(), key, private: Private::Pair(pair) }
    }

    /// Returns the key pair.
    pub(crate) fn pair(&self) -> SigningKey {
        let Private::Pair(pair) = &self.private else { panic!("{self:?} is a secret") };
        pair.clone()
    }

    /// Returns the secret, if it is one.
    pub(crate) fn secret(&self) -> Option<&[u8]> {
        match &self.private {
            Private::Secret(secret) => Some(secret),
            Private::Pair(_) => None,
        }
    }

    /// Returns the public half as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwks: Value = serde_json::from_str(&SigningKeys::new(self.pair()).jwks()).unwrap();
        jwks["keys"][0].take()
    }

    /// Returns a token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.forge(&json!({ "alg": self.algorithm.as_str(), "typ": "JWT" }), claims)
    }

    /// Returns a token with any header and these claims.
    pub(crate) fn forge(&self, header: &Value, claims: &Value) -> String {
        self.raw(header.to_string(), claims.to_string())
    }

    /// Encodes and signs two parts of any bytes.
    pub(crate) fn raw(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.signed(&format!("{}.{}", encoded(header), encoded(payload)))
    }

    /// Signs two encoded parts.
    pub(crate) fn signed(&self, message: &str) -> String {
        format!("{message}.{}", encoded(self.signature(message.as_bytes())))
    }

    pub(crate) fn signature(&self, message: &[u8]) -> Vec<u8> {
        match &self.private {
            Private::Secret(secret) => {
                let key = hmac::Key::new(hash(self.algorithm), secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Private::Pair(pair) => {
                let pem = pair.to_pem().unwrap();
                let der = pem::parse(pem.as_bytes()).unwrap().into_contents();
                by_pair(self.algorithm, &der, message)
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

/// Returns the public half as `SubjectPublicKeyInfo`.
pub(crate) fn public_der(signer: &Signer) -> Vec<u8> {
    let pem = signer.pair().to_pem().unwrap();
    let der = pem::parse(pem.as_bytes()).unwrap().into_contents();
    let curve = |curve| {
        let pair = EcdsaKeyPair::from_pkcs8(curve, &der).unwrap();
        AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec()
    };
    match signer.algorithm {
        Algorithm::Es256 => curve(&ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => curve(&ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => curve(&ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(&der).unwrap();
            AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec()
        }
        _ => {
            let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
            AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec()
        }
    }
}

fn hash(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    }
}

fn by_pair(algorithm: Algorithm, der: &[u8], message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let curve = |curve| {
        let pair = EcdsaKeyPair::from_pkcs8(curve, der).unwrap();
        pair.sign(&random, message).unwrap().as_ref().to_vec()
    };
    let encoding: &dyn RsaEncoding = match algorithm {
        Algorithm::Es256 => return curve(&ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => return curve(&ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => return curve(&ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::EdDsa => {
            return Ed25519KeyPair::from_pkcs8(der).unwrap().sign(message).as_ref().to_vec();
        }
        Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        other => panic!("{other} has no key pairs"),
    };
    let pair = RsaKeyPair::from_pkcs8(der).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &random, message, &mut signature).unwrap();
    signature
}
