//! Tokens that were verified before.

use std::collections::hash_map::RandomState;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use auth_core::{RejectionReason, Timestamp};
use quick_cache::sync;
use sha2::{Digest as _, Sha256};

use crate::verifier::ValidatedToken;

/// Tokens that were verified before, by the SHA-256 of the whole token: the tokens themselves are
/// not kept, and one with another signature is another token. A token that a shared secret signed is
/// known by its signature, once that was verified again: what is saved is the reading of its claims.
/// It belongs to one policy and is bounded; a token that came once is the first to go, so that a
/// flood of tokens leaves those in use alone. Forged ones never come in.
pub(crate) struct Cache<C>(sync::Cache<TokenDigest, Arc<Kept<C>>, Weight, RandomState>);

/// A token that was verified before.
#[derive(Debug)]
pub struct Kept<C> {
    pub(crate) checked: ValidatedToken<C>,
    weight: u64,
}

/// What the cache of verified tokens has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// How many tokens are kept.
    pub entries: usize,
    /// How many came that were kept.
    pub hits: u64,
    /// How many came that were not, and had to be verified.
    pub misses: u64,
}

/// The digest of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(crate) fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// By a verified signature of HMAC, which is a digest of the token and of the key. Its first 32
    /// bytes do: no shorter one is made, and no two tokens have them in common.
    pub(crate) fn of_mac(signature: &[u8]) -> Self {
        Self(std::array::from_fn(|at| signature[at]))
    }
}

/// A few of its bytes are random enough.
impl Hash for TokenDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from_ne_bytes(std::array::from_fn(|i| self.0[i])));
    }
}

#[derive(Clone)]
struct Weight;

impl<C> quick_cache::Weighter<TokenDigest, Arc<Kept<C>>> for Weight {
    fn weight(&self, _: &TokenDigest, kept: &Arc<Kept<C>>) -> u64 {
        kept.weight
    }
}

impl<C> Cache<C> {
    /// Keeps so many tokens of up to a kilobyte, or fewer larger ones.
    pub(crate) fn new(most: usize) -> Self {
        let random = RandomState::new();
        let options = quick_cache::OptionsBuilder::new()
            .estimated_items_capacity(most)
            .weight_capacity(most as u64)
            .build()
            .expect("both capacities are given");
        Self(sync::Cache::with_options(options, Weight, random, Default::default()))
    }

    /// What this token proved, if its key and its time are still good.
    pub(crate) fn find(
        &self,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Option<Result<Arc<Kept<C>>, RejectionReason>> {
        let kept = self.0.get(digest)?;
        if !kept.checked.key.is_good_at(now) {
            self.0.remove(digest);
            return None;
        }
        let judged = kept.checked.judge(now);
        if judged == Err(RejectionReason::Expired) {
            self.0.remove(digest);
        }
        Some(judged.map(|()| kept))
    }

    pub(crate) fn status(&self) -> CacheStats {
        let Self(cache) = self;
        CacheStats { entries: cache.len(), hits: cache.hits(), misses: cache.misses() }
    }

    pub(crate) fn keep(
        &self,
        digest: TokenDigest,
        token: &[u8],
        checked: ValidatedToken<C>,
    ) -> Arc<Kept<C>> {
        let weight = (token.len() as u64).div_ceil(1024);
        let kept = Arc::new(Kept { checked, weight });
        self.0.insert(digest, Arc::clone(&kept));
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use crate::key::SigningKey;
    use crate::proven::TokenSubject;
    use crate::validation::Validation;
    use auth_core::{AuthenticationInfo, Identity, Principal};

    struct Tokens {
        cache: Cache<auth_core::Claims>,
        key: SigningKey,
    }

    impl Tokens {
        fn new(most: usize) -> Self {
            let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
            Self { cache: Cache::new(most), key }
        }

        /// Verifies a token that ends at second 100.
        fn come(&self, token: &str) {
            let mut claims = crate::claims::TokenClaims::default();
            claims.read::<serde::de::IgnoredAny>(r#"{"sub":"a","exp":90}"#, &[]).unwrap();
            let identity = Identity::verified(
                Principal::new("a"),
                AuthenticationInfo::new("jwt", Timestamp::EPOCH),
            );
            let key = Arc::clone(&self.key.public_key().0);
            let validity = Validation::new().check_claims(&claims).unwrap();
            let checked = ValidatedToken::new(TokenSubject::Somebody(identity), key, validity);
            self.cache.keep(TokenDigest::of(token.as_bytes()), token.as_bytes(), checked);
        }

        fn find(&self, token: &str, secs: u64) -> Option<Result<(), RejectionReason>> {
            let digest = TokenDigest::of(token.as_bytes());
            let found = self.cache.find(&digest, Timestamp::from_secs(secs))?;
            Some(found.map(drop))
        }
    }

    #[test]
    fn tokens_in_use_stay_while_others_pour_in() {
        let tokens = Tokens::new(1000);
        let used: Vec<_> = (0..200).map(|i| format!("used {i}")).collect();
        for _ in 0..3 {
            used.iter()
                .filter(|token| tokens.find(token, 1).is_none())
                .for_each(|token| tokens.come(token));
        }
        for i in 0..20_000 {
            tokens.come(&format!("once {i}"));
            tokens.find(&used[i % used.len()], 1);
        }
        let left = used.iter().filter(|token| tokens.find(token, 1).is_some()).count();
        assert!(left >= 190, "{left} of 200 are left");
    }

    #[test]
    fn sec_51_60_the_time_and_the_key_of_a_known_token_are_looked_at_again() {
        let tokens = Tokens::new(10);
        tokens.come("a");
        assert_eq!(tokens.find("a", 99), Some(Ok(())));
        assert_eq!(tokens.find("a", 100), Some(Err(RejectionReason::Expired)));
        assert_eq!(tokens.find("a", 99), None, "it is gone");
        tokens.come("b");
        tokens.key.public_key().0.end_at(Timestamp::from_secs(50));
        assert_eq!(tokens.find("b", 49), Some(Ok(())));
        assert_eq!(tokens.find("b", 50), None);
    }
}
