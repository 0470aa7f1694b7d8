//! [`SigningKey`], a private key that signs tokens.
//!
//! It is generated, or read from PEM or a JSON Web Key. Its public half verifies the tokens.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use zeroize::Zeroizing;

use super::components::{self, Components};
use super::error::InvalidKey;
use super::jwk::{self, Jwk, Operation};
use super::public::Key;
use crate::algorithm::{Algorithm, KeyRequirement};

/// A private key that signs with one algorithm. Its `kid` defaults to the SHA-256 thumbprint of its
/// public half (RFC 7638).
///
/// ```
/// use auth_jwt::{Algorithm, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::EdDsa)?;
/// let stored = key.to_pem()?; // keep it secret
/// let loaded = SigningKey::from_pem(Algorithm::EdDsa, stored.as_bytes())?;
/// assert_eq!(loaded.kid(), key.kid());
/// # Ok::<(), auth_jwt::InvalidKey>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Pair>,
    key: Key,
    components: Components,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Curve(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Generates a key from the operating system's randomness. An RSA key has 2048 bits, and takes a moment
    /// to generate.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey::Incompatible`] if the algorithm is HMAC, which has no key pairs, and
    /// [`InvalidKey::Malformed`] if the system could not generate a key.
    pub fn generate(algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let failed = |_: Unspecified| InvalidKey::Malformed("the system could not generate one");
        let pair = match algorithm.key_requirement() {
            KeyRequirement::Secret { .. } => return Err(InvalidKey::Incompatible(algorithm)),
            KeyRequirement::Rsa { .. } => Pair::Rsa(
                RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?,
                encoding(algorithm),
            ),
            KeyRequirement::Curve("Ed25519") => {
                Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?)
            }
            KeyRequirement::Curve(_) => {
                Pair::Curve(EcdsaKeyPair::generate(curve(algorithm)).map_err(failed)?)
            }
        };
        Self::new(algorithm, pair, None)
    }

    /// Reads a private key from a PEM file: PKCS#8, or PKCS#1 for RSA.
    ///
    /// # Errors
    ///
    /// Returns an error if the file has no such key, or if the key is too small or on another curve.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, InvalidKey> {
        let incompatible = |_| InvalidKey::Incompatible(algorithm);
        let der = components::private_from_pem(algorithm, pem.as_ref())?;
        let pair = match algorithm.key_requirement() {
            KeyRequirement::Rsa { .. } => {
                Pair::Rsa(RsaKeyPair::from_der(&der).map_err(incompatible)?, encoding(algorithm))
            }
            KeyRequirement::Curve("Ed25519") => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8(&der).map_err(incompatible)?)
            }
            _ => {
                Pair::Curve(EcdsaKeyPair::from_pkcs8(curve(algorithm), &der).map_err(incompatible)?)
            }
        };
        Self::new(algorithm, pair, None)
    }

    /// Reads a private JSON Web Key that names its algorithm, or whose curve allows only one.
    ///
    /// # Errors
    ///
    /// Returns an error if the key cannot be read, is weak, or is not for signing.
    pub fn from_jwk(json: &str) -> Result<Self, InvalidKey> {
        let jwk = Jwk::parse(json)?;
        jwk.check_use(Operation::Sign)?;
        let algorithm = jwk.algorithm(None)?;
        let incompatible = |_| InvalidKey::Incompatible(algorithm);
        let pair = match jwk.components(algorithm)? {
            Components::Rsa { n, e } => {
                let components = KeyPairComponents {
                    public_key: RsaPublicKeyComponents { n, e },
                    d: jwk::secret(&jwk.d, "d")?,
                    p: jwk::secret(&jwk.p, "p")?,
                    q: jwk::secret(&jwk.q, "q")?,
                    dP: jwk::secret(&jwk.dp, "dp")?,
                    dQ: jwk::secret(&jwk.dq, "dq")?,
                    qInv: jwk::secret(&jwk.qi, "qi")?,
                };
                let pair = RsaKeyPair::from_components(&components).map_err(incompatible)?;
                Pair::Rsa(pair, encoding(algorithm))
            }
            Components::Curve { point } => {
                let d = jwk::secret(&jwk.d, "d")?;
                let d = Zeroizing::new(jwk::padded(&d, point.len() / 2)?);
                let curve = curve(algorithm);
                let pair = EcdsaKeyPair::from_private_key_and_public_key(curve, &d, &point);
                Pair::Curve(pair.map_err(incompatible)?)
            }
            Components::Ed25519 { x } => {
                let d = jwk::secret(&jwk.d, "d")?;
                let pair = Ed25519KeyPair::from_seed_and_public_key(&d, &x);
                Pair::Ed25519(pair.map_err(incompatible)?)
            }
        };
        Self::new(algorithm, pair, jwk.kid)
    }

    fn new(algorithm: Algorithm, pair: Pair, kid: Option<Box<str>>) -> Result<Self, InvalidKey> {
        let components = match &pair {
            Pair::Rsa(pair, _) => {
                let RsaPublicKeyComponents { n, e } = pair.public_key().into();
                Components::Rsa { n, e }
            }
            Pair::Curve(pair) => Components::Curve { point: pair.public_key().as_ref().to_vec() },
            Pair::Ed25519(pair) => Components::Ed25519 { x: pair.public_key().as_ref().to_vec() },
        };
        let kid = kid.unwrap_or_else(|| Jwk::of(&components).thumbprint());
        let key = Key::new(algorithm, Some(kid), &components)?;
        Ok(Self { pair: Arc::new(pair), key, components })
    }

    /// Sets the `kid`, which the header of each token names.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self { key: self.key.with_kid(kid), ..self }
    }

    /// Returns the `kid`.
    ///
    /// # Panics
    ///
    /// Never panics: every signing key has a `kid`.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.key.kid().expect("every signing key has a `kid`")
    }

    /// Returns the algorithm, which never changes.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// Returns the public half.
    #[must_use]
    pub fn public_key(&self) -> &Key {
        &self.key
    }

    /// Returns the private key as a PEM file (PKCS#8). Store it where only this application can read it.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey::Malformed`] if the key cannot be encoded.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, InvalidKey> {
        let not_encoded = |_| InvalidKey::Malformed("it cannot be encoded as PKCS#8");
        let der = match &*self.pair {
            Pair::Rsa(pair, _) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(not_encoded)?;
                der.as_ref().to_vec()
            }
            Pair::Curve(pair) => pair.to_pkcs8v1().map_err(not_encoded)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map_err(not_encoded)?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(pem::encode(&pem::Pem::new("PRIVATE KEY", der))))
    }

    /// Returns whether both are the same key for the same algorithm, whatever their `kid`.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.algorithm() == other.algorithm() && self.components == other.components
    }

    /// Returns the public half as a JSON Web Key.
    pub(crate) fn jwk(&self) -> Jwk {
        Jwk {
            kid: Some(self.kid().into()),
            alg: Some(self.algorithm().as_str().to_owned()),
            use_for: Some("sig".to_owned()),
            ..Jwk::of(&self.components)
        }
    }

    pub(crate) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
            Pair::Curve(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

fn encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    }
}

fn curve(algorithm: Algorithm) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}
