//! The keys of one issuer, as it publishes them. A key that cannot be used is skipped rather than an
//! error, because an issuer may publish keys for other purposes, or of newer kinds, in the same set.

#[cfg(feature = "remote-keys")]
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json;
use crate::key::{InvalidKey, Jwk, Key, ParsedKey, SkippedKey, can_be_tried};

/// The keys of one issuer.
///
/// For a token with a `kid`, the keys of this `kid` are tried first, and then the keys without a `kid`. For
/// a token without one, the first four keys of its algorithm are tried. A set has at most four keys of one
/// algorithm with the same `kid`, and at most four without one. A key that occurs twice in a set counts once.
///
/// ```
/// use auth_jwt::KeySet;
///
/// let keys = KeySet::from_jwks(
///     r#"{"keys":[
///         {"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
///         {"kty":"EC","crv":"secp256k1","kid":"2","x":"AA","y":"AA"}
///     ]}"#,
/// )?;
/// assert_eq!((keys.len(), keys.skipped().len()), (1, 1));
/// # Ok::<(), auth_jwt::InvalidKey>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    pub(crate) keys: Vec<Arc<ParsedKey>>,
    skipped: Vec<SkippedKey>,
}

/// How the keys of a set are read that its issuer publishes.
#[cfg(feature = "remote-keys")]
pub(crate) struct PublishedKeys<'a> {
    /// The algorithm of RSA keys that name none.
    pub(crate) rsa_algorithm: Algorithm,
    /// The `use` of the keys, unless it is `sig`.
    pub(crate) key_use: Option<&'a str>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// The maximum number of keys in a set.
    pub const MAX_KEYS: usize = 64;

    /// Creates an empty set, to which keys are added by [`with`](Self::with).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JWK Set (RFC 7517 section 5). Keys that cannot be used are [skipped](Self::skipped). An RSA
    /// key that names no algorithm is used for RS256; a secret must name its algorithm.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a JWK Set, or has no keys or too many;
    /// [`InvalidKey::NoneUsable`], with a reason for each key, if none of them can be used.
    pub fn from_jwks(json: &str) -> Result<Self, InvalidKey> {
        Self::read(json, |jwk| {
            let rsa_without_alg = jwk.kty == "RSA" && jwk.alg.is_none();
            Key::of(&jwk, rsa_without_alg.then_some(Algorithm::Rs256))
        })
    }

    /// Reads a JWK Set that anyone can read: secrets and private keys in it are skipped. An object without
    /// `keys` is a map of names and PEM texts, as Firebase publishes its certificates.
    #[cfg(feature = "remote-keys")]
    pub(crate) fn from_published(
        json: &str,
        rules: &PublishedKeys<'_>,
    ) -> Result<Self, InvalidKey> {
        if let Ok(pems) = json::from_str::<BTreeMap<Box<str>, String>>(json) {
            let read = |(kid, pem): (Box<str>, String)| {
                let key = Key::from_any_pem(rules.rsa_algorithm, &kid, &pem);
                (Some(kid), key)
            };
            return Self::collect(pems.len(), pems.into_iter().map(read));
        }
        Self::read(json, |mut jwk| {
            let Jwk { k, d, p, q, dp, dq, qi, .. } = &jwk;
            if jwk.kty == "oct" || [k, d, p, q, dp, dq, qi].into_iter().any(Option::is_some) {
                return Err(InvalidKey::PublishedSecret);
            }
            if let Some(name) = rules.key_use {
                let named = jwk.use_for.as_deref() == Some(name);
                jwk.use_for = if named { None } else { Some("another".to_owned()) };
            }
            let rsa_without_alg = jwk.kty == "RSA" && jwk.alg.is_none();
            Key::of(&jwk, rsa_without_alg.then_some(rules.rsa_algorithm))
        })
    }

    /// Reads a set, and each key in it by this function.
    fn read(json: &str, key: impl Fn(Jwk) -> Result<Key, InvalidKey>) -> Result<Self, InvalidKey> {
        let Jwks { keys } = json::from_str(json)
            .map_err(|_| InvalidKey::Malformed("it is not a JSON Web Key Set"))?;
        let read = |value: Value| {
            let kid = value.get("kid").and_then(Value::as_str).map(Into::into);
            let jwk = serde_json::from_value(value)
                .map_err(|_| InvalidKey::Malformed("it is not a JSON Web Key"));
            (kid, jwk.and_then(&key))
        };
        Self::collect(keys.len(), keys.into_iter().map(read))
    }

    /// Collects the keys that can be used, and the reasons why others cannot.
    fn collect(
        count: usize,
        keys: impl Iterator<Item = (Option<Box<str>>, Result<Key, InvalidKey>)>,
    ) -> Result<Self, InvalidKey> {
        if count > Self::MAX_KEYS {
            return Err(InvalidKey::Malformed("the set has more than 64 keys"));
        }
        let mut set = Self::new();
        for (kid, key) in keys {
            if let Err(error) = key.and_then(|key| set.add(key)) {
                set.skipped.push(SkippedKey { kid, error });
            }
        }
        match (set.is_empty(), set.skipped.is_empty()) {
            (true, true) => Err(InvalidKey::Empty),
            (true, false) => Err(InvalidKey::NoneUsable(set.skipped.into())),
            (false, _) => Ok(set),
        }
    }

    /// Adds a key.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey::TooManyWithKid`] if the set has four keys with this `kid` and algorithm, and
    /// [`InvalidKey::TooManyWithoutKid`] if the key has no `kid` and the set has four such keys of its
    /// algorithm. All of these keys are tried with a token, so the limit bounds the cost of a token.
    pub fn with(mut self, key: impl Into<Key>) -> Result<Self, InvalidKey> {
        self.add(key.into())?;
        Ok(self)
    }

    fn add(&mut self, Key(held): Key) -> Result<(), InvalidKey> {
        // Entra ID publishes one key several times, each time with another of its issuers.
        if let Some(known) = self.keys.iter_mut().find(|known| known.is_equal(&held)) {
            let mut issuers = match (&known.issuers[..], &held.issuers[..]) {
                ([], _) | (_, []) => Vec::new(), // it is not restricted
                (own, others) => [own, others].concat(),
            };
            issuers.sort(); // two sets that differ only in their order are equal
            issuers.dedup();
            *known = Arc::new(known.for_issuers(issuers));
            return Ok(());
        }
        if can_be_tried(&held, &self.keys) {
            self.keys.push(held);
            return Ok(());
        }
        Err(held.kid.clone().map_or(InvalidKey::TooManyWithoutKid, InvalidKey::TooManyWithKid))
    }

    /// Returns the number of usable keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether there are no usable keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the keys that cannot be used, with the reasons.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}
