//! Several keys of one issuer.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json::UniqueKeys;
use crate::key::{InvalidKey, Jwk, Key, ParsedKey, SkippedKey, can_be_tried};

/// The keys of one issuer. A token's `kid` chooses among them: the key of this name is tried, and
/// then those without a name. Of a token without a `kid`, the first four keys of its algorithm are
/// tried. So a set has at most four keys without a name for one algorithm.
///
/// ```
/// use auth_jwt::KeySet;
///
/// let keys = KeySet::from_jwks(
///     r#"{"keys":[
///         {"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
///         {"kty":"EC","crv":"P-521","kid":"2","x":"AA","y":"AA"}
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

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// The most keys of a set.
    pub const MAX_KEYS: usize = 64;

    /// A set of no keys, to which some are [added](Self::with).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of a JWK Set (RFC 7517 section 5). Those that cannot be used are
    /// [skipped](Self::skipped). An RSA key that names no algorithm is for RS256; shared secrets
    /// have to name theirs.
    ///
    /// # Errors
    /// If it is no JWK Set; [`InvalidKey::NoneUsable`], which says why of each key, if none in it
    /// can be used.
    pub fn from_jwks(json: &str) -> Result<Self, InvalidKey> {
        let no_set = |_| InvalidKey::Malformed("it is no JSON Web Key Set");
        serde_json::from_str::<UniqueKeys>(json).map_err(no_set)?;
        let Jwks { keys } = serde_json::from_str(json).map_err(no_set)?;
        if keys.len() > Self::MAX_KEYS {
            return Err(InvalidKey::Malformed("it has more than 64 keys"));
        }
        let mut set = Self::new();
        for value in keys {
            let kid = value.get("kid").and_then(Value::as_str).map(Into::into);
            if let Err(error) = set.read(value) {
                set.skipped.push(SkippedKey { kid, error });
            }
        }
        match (set.is_empty(), set.skipped.is_empty()) {
            (true, true) => Err(InvalidKey::Empty),
            (true, false) => Err(InvalidKey::NoneUsable(set.skipped.into())),
            (false, _) => Ok(set),
        }
    }

    fn read(&mut self, value: Value) -> Result<(), InvalidKey> {
        let jwk: Jwk = serde_json::from_value(value)
            .map_err(|_| InvalidKey::Malformed("it is no JSON Web Key"))?;
        let unnamed_rsa = jwk.kty == "RSA" && jwk.alg.is_none();
        let key = Key::of(&jwk, unnamed_rsa.then_some(Algorithm::Rs256))?;
        self.add(key)
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`InvalidKey::DuplicateKid`] if there is one of its name and algorithm already: which of them a
    /// token means would be a guess. [`InvalidKey::TooManyWithoutKid`] if it has no name, and four of its
    /// algorithm have none already.
    pub fn with(mut self, key: impl Into<Key>) -> Result<Self, InvalidKey> {
        self.add(key.into())?;
        Ok(self)
    }

    fn add(&mut self, Key(held): Key) -> Result<(), InvalidKey> {
        let same = |own: &Arc<ParsedKey>| own.kid == held.kid && own.algorithm == held.algorithm;
        match &held.kid {
            Some(kid) if self.keys.iter().any(same) => Err(InvalidKey::DuplicateKid(kid.clone())),
            None if !can_be_tried(&held, &self.keys) => Err(InvalidKey::TooManyWithoutKid),
            _ => {
                self.keys.push(held);
                Ok(())
            }
        }
    }

    /// How many keys can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that cannot be used, and why.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}
