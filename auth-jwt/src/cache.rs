//! The cache of verified tokens, which avoids verifying and parsing a token again at each request.
//!
//! It belongs to one configuration, is bounded, and holds digests instead of tokens.

use std::collections::hash_map::RandomState;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use auth_core::{RejectionReason, Timestamp};
use quick_cache::sync;
use sha2::{Digest as _, Sha256};

use crate::verifier::ValidatedToken;

/// Verified tokens by the SHA-256 of the whole token. The tokens themselves are not stored, and a
/// token with another signature is another entry.
///
/// A token that a shared secret signed is found by its signature instead, after that was verified
/// again, so the cache only saves parsing the claims. The cache belongs to one configuration and is
/// bounded. A token that was used once is evicted first, so that a flood of tokens does not evict
/// those in use. Forged tokens are never inserted.
pub(crate) struct Cache<C>(sync::Cache<TokenDigest, Arc<ValidatedToken<C>>, Weight, RandomState>);

/// Statistics of the cache of verified tokens, since its first token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// The number of cached tokens.
    pub entries: usize,
    /// How often a token was found.
    pub hits: u64,
    /// How often a token was not found and had to be verified.
    pub misses: u64,
}

/// The key of a token in the cache.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(crate) fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Returns the key by a verified HMAC, which is a digest of the token itself. Its first 32 bytes
    /// suffice: no HMAC is shorter, and no two tokens share them.
    pub(crate) fn of_mac(signature: &[u8]) -> Self {
        Self(std::array::from_fn(|at| signature[at]))
    }
}

/// Eight bytes of a digest are random enough for a hash table.
impl Hash for TokenDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from_ne_bytes(std::array::from_fn(|i| self.0[i])));
    }
}

#[derive(Clone)]
struct Weight;

impl<C> quick_cache::Weighter<TokenDigest, Arc<ValidatedToken<C>>> for Weight {
    fn weight(&self, _: &TokenDigest, token: &Arc<ValidatedToken<C>>) -> u64 {
        (token.bytes as u64).div_ceil(1024)
    }
}

impl<C> Cache<C> {
    /// Creates a cache for this many tokens of up to a kilobyte.
    pub(crate) fn new(capacity: usize) -> Self {
        let random = RandomState::new();
        let options = quick_cache::OptionsBuilder::new()
            .estimated_items_capacity(capacity)
            .weight_capacity(capacity as u64)
            .build()
            .expect("both capacities are given");
        Self(sync::Cache::with_options(options, Weight, random, Default::default()))
    }

    /// Finds a token whose key is still valid, and checks it at this moment. One that has expired is
    /// removed.
    pub(crate) fn find(
        &self,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Option<Result<Arc<ValidatedToken<C>>, RejectionReason>> {
        let token = self.0.get(digest)?;
        if !token.key.is_good_at(now) {
            self.0.remove(digest);
            return None;
        }
        let checked = token.check_now(now);
        if token.has_ended(now) {
            self.0.remove(digest);
        }
        Some(checked.map(|()| token))
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let Self(cache) = self;
        CacheStats { entries: cache.len(), hits: cache.hits(), misses: cache.misses() }
    }

    /// Caches a token that was verified just now.
    pub(crate) fn insert(
        &self,
        digest: TokenDigest,
        token: ValidatedToken<C>,
    ) -> Arc<ValidatedToken<C>> {
        let token = Arc::new(token);
        self.0.insert(digest, Arc::clone(&token));
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use crate::claims::{ClaimsLayout, Payload, TokenClaims};
    use crate::key::SigningKey;
    use crate::validation::Validation;
    use crate::verifier::TokenSubject;
    use auth_core::{AuthenticationInfo, Identity, Principal};

    struct Tokens {
        cache: Cache<auth_core::Claims>,
        key: SigningKey,
    }

    impl Tokens {
        fn new(capacity: usize) -> Self {
            let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
            Self { cache: Cache::new(capacity), key }
        }

        /// Inserts a token that expires at second 100, with the leeway.
        fn insert(&self, token: &str) {
            let json = r#"{"sub":"a","exp":40}"#;
            let payload = Payload::read(json).unwrap();
            let claims = TokenClaims::read(&payload, &ClaimsLayout::default()).unwrap();
            let identity =
                Identity::verified(Principal::new("a"), AuthenticationInfo::new("jwt", None));
            let key = Arc::clone(&self.key.public_key().0);
            let validity = Validation::new().check_claims(&claims).unwrap();
            let subject = TokenSubject::Foreign(identity);
            let validated = ValidatedToken::new(subject, key, validity, token.len());
            self.cache.insert(TokenDigest::of(token.as_bytes()), validated);
        }

        fn find(&self, token: &str, secs: u64) -> Option<Result<(), RejectionReason>> {
            let digest = TokenDigest::of(token.as_bytes());
            let found = self.cache.find(&digest, Timestamp::from_secs(secs))?;
            Some(found.map(drop))
        }
    }

    #[test]
    fn a_flood_of_tokens_does_not_evict_those_in_use() {
        let tokens = Tokens::new(1000);
        let used: Vec<_> = (0..200).map(|i| format!("used {i}")).collect();
        for _ in 0..3 {
            used.iter()
                .filter(|token| tokens.find(token, 1).is_none())
                .for_each(|token| tokens.insert(token));
        }
        for i in 0..20_000 {
            tokens.insert(&format!("once {i}"));
            tokens.find(&used[i % used.len()], 1);
        }
        let left = used.iter().filter(|token| tokens.find(token, 1).is_some()).count();
        assert!(left >= 190, "{left} of 200 are left");
    }

    #[test]
    fn sec_51_60_the_times_and_the_key_of_a_cached_token_are_checked_again() {
        let tokens = Tokens::new(10);
        tokens.insert("a");
        assert_eq!(tokens.find("a", 99), Some(Ok(())));
        assert_eq!(tokens.find("a", 100), Some(Err(RejectionReason::Expired)));
        assert_eq!(tokens.find("a", 99), None, "an expired token is removed");
        tokens.insert("b");
        tokens.key.public_key().0.end_at(Timestamp::from_secs(50));
        assert_eq!(tokens.find("b", 49), Some(Ok(())));
        assert_eq!(tokens.find("b", 50), None);
    }
}
