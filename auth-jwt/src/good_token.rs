//! A token that is good at this moment.

use std::sync::Arc;

use auth_core::{RejectionReason, Timestamp};
use serde::de::DeserializeOwned;

use crate::cache::{Kept, TokenDigest};
use crate::config::Config;
use crate::jws::Compact;
use crate::proven::TokenSubject;

/// A token that is good at this moment: verified just now, or before.
#[derive(Debug)]
pub enum VerifiedToken<C> {
    /// Verified just now, without a cache.
    Now(TokenSubject<C>),
    /// One of the tokens that are kept.
    Kept(Arc<Kept<C>>),
}

impl<C> VerifiedToken<C> {
    pub(crate) fn proven(&self) -> &TokenSubject<C> {
        match self {
            Self::Now(proven) => proven,
            Self::Kept(kept) => &kept.checked.proven,
        }
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> Config<C> {
    /// What a token proves at this moment.
    pub(crate) fn verify(
        &self,
        token: &Compact<'_>,
        now: Timestamp,
    ) -> Result<VerifiedToken<C>, RejectionReason> {
        let verifier = &self.base.verifier;
        let Some(cache) = self.cache() else {
            let checked = verifier.check_signature(token, now)?.check(token)?;
            return checked.judge(now).map(|()| VerifiedToken::Now(checked.proven));
        };
        let by_digest = (!verifier.only_shares_secrets()).then(|| TokenDigest::of(token.whole));
        if let Some(digest) = &by_digest
            && let Some(known) = cache.find(digest, now)
        {
            return known.map(VerifiedToken::Kept);
        }
        let signed = verifier.check_signature(token, now)?;
        // With a secret the signature is a digest already, and has just been made again.
        let name = match by_digest {
            Some(digest) if !signed.key.is_shared() => digest,
            _ => {
                let name = token.with_signature(TokenDigest::of_mac)?;
                if let Some(known) = cache.find(&name, now) {
                    return known.map(VerifiedToken::Kept);
                }
                name
            }
        };
        let checked = signed.check(token)?;
        checked.judge(now)?;
        Ok(VerifiedToken::Kept(cache.keep(name, token.whole, checked)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth_core::{Claims, ManualClock, Outcome, Timestamp};
    use serde_json::json;

    use crate::authenticator::Mode;
    use crate::{Algorithm, CacheStats, HmacKey, JwtAuth, Key, SigningKey, SigningKeys};

    const KEPT_ONCE: CacheStats = CacheStats { entries: 1, hits: 1, misses: 1 };

    fn token(key: &HmacKey, subject: &str) -> String {
        key.sign("JWT", &json!({ "sub": subject, "exp": 1000 })).unwrap()
    }

    fn subject<M: Mode<Claims>>(auth: &JwtAuth<Claims, M>, token: &str) -> Option<String> {
        match auth.verify(token.as_bytes()).into_ready().ok()? {
            Outcome::Authenticated(identity) => Some(identity.subject().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn what_a_secret_signed_is_read_once_and_verified_each_time() {
        let clock = ManualClock::new(Timestamp::from_secs(10));
        let key = Key::hs256([7; 32]).unwrap();
        let other = Key::hs256([8; 32]).unwrap();
        let (token, forged) = (token(&key, "alice"), token(&other, "alice"));
        let auth = JwtAuth::new(key).clock(clock.clock());
        for _ in 0..2 {
            assert_eq!(subject(&auth, &token).as_deref(), Some("alice"));
        }
        assert_eq!(auth.cache_stats(), KEPT_ONCE);
        let (message, _) = token.rsplit_once('.').unwrap();
        let (forged_message, mac) = forged.rsplit_once('.').unwrap();
        assert_eq!(message, forged_message);
        assert_eq!(subject(&auth, &format!("{message}.{mac}")), None, "a known message");
        let (_, known) = token.rsplit_once('.').unwrap();
        let (header, _) = message.split_once('.').unwrap();
        let mallory = self::token(&other, "mallory");
        let payload = mallory.split('.').nth(1).unwrap();
        assert_eq!(
            subject(&auth, &format!("{header}.{payload}.{known}")),
            None,
            "a known signature"
        );
        assert_eq!(auth.cache_stats(), KEPT_ONCE, "forged ones are not looked for");
        clock.advance(Duration::from_secs(1000));
        assert_eq!(subject(&auth, &token), None, "its time is over");
    }

    #[test]
    fn tokens_of_secrets_and_of_key_pairs_are_told_apart() {
        let clock = ManualClock::new(Timestamp::from_secs(10));
        let (secret, pair) =
            (Key::hs256([7; 32]).unwrap(), SigningKey::generate(Algorithm::EdDsa).unwrap());
        let alice = token(&secret, "alice");
        let bob = SigningKeys::new(pair.clone())
            .sign("JWT", &json!({ "sub": "bob", "exp": 1000 }))
            .unwrap();
        let auth =
            JwtAuth::new(secret).additional_key(pair.public_key().clone()).clock(clock.clock());
        for _ in 0..3 {
            assert_eq!(subject(&auth, &alice).as_deref(), Some("alice"));
            assert_eq!(subject(&auth, &bob).as_deref(), Some("bob"));
        }
        assert_eq!(auth.cache_stats().entries, 2);
    }
}
