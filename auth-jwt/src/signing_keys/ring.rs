//! The signing keys, and when each of them signs and ends.
//!
//! The order of these times is what makes a rotation safe: a key is published before it signs, and verifies
//! until the last token that it signed has expired.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use parking_lot::RwLock;
use serde::Serialize;

use super::error::{RotateError, WithdrawError};
use crate::jws::{self, SignError};
use crate::key::{ParsedKey, SigningKey};

/// Private keys that replace one another over time. A clone is another handle on the same keys, so a running
/// server can rotate them without a restart.
///
/// A new key is published first, and signs once every verifier that caches the published set has seen it.
/// The old key stays published until the last token that it signed has expired.
///
/// ```
/// use auth_jwt::{Algorithm, SigningKey, SigningKeys};
///
/// let keys = SigningKeys::new(SigningKey::generate(Algorithm::EdDsa)?);
/// keys.rotate(SigningKey::generate(Algorithm::EdDsa)?)?;
/// assert_eq!(keys.jwks().matches("\"kid\"").count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKeys {
    slots: Arc<RwLock<Vec<Slot>>>,
    /// The `kid` and the thumbprint of each key that was withdrawn. Locked after the slots.
    withdrawn: Arc<RwLock<Vec<Box<str>>>>,
    clock: Clock,
    lead: Duration,
    max_token_lifetime: Duration,
}

/// A key of the ring. No two have the same `kid` and algorithm.
struct Slot {
    key: SigningKey,
    /// The public half. This copy has an end of its own.
    public: Arc<ParsedKey>,
    signs_from: Timestamp,
}

/// How far the clock of a verifier may differ from ours when an old key ends.
const LEEWAY: Duration = Duration::from_secs(60);

impl SigningKeys {
    /// Creates a set with this key, which signs at once.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let slot = Slot::new(key, Timestamp::EPOCH);
        Self {
            slots: Arc::new(RwLock::new(vec![slot])),
            withdrawn: Arc::default(),
            clock: Clock::system(),
            lead: Duration::from_secs(600),
            max_token_lifetime: Duration::from_secs(3600),
        }
    }

    /// Also publishes this key and verifies its tokens. It does not sign unless it is
    /// [rotated](Self::rotate) to. Use it for the key of a node that is one rotation ahead or behind. A
    /// key that is in the set already does not change.
    ///
    /// # Panics
    ///
    /// Panics if another key of the same algorithm has this `kid`, or if it was [withdrawn](Self::withdraw).
    #[must_use]
    pub fn add_verifying(self, key: SigningKey) -> Self {
        let mut slots = self.slots.write();
        assert!(!self.was_withdrawn(&key), "the key `{}` was withdrawn", key.kid());
        drop_ended(&mut slots, self.clock.now());
        match slots.iter().find(|slot| slot.has_name_of(&key)) {
            Some(slot) => {
                assert!(slot.key.is_same(&key), "another key has the `kid` `{}`", key.kid());
            }
            None => slots.push(Slot::new(key, Timestamp::MAX)),
        }
        drop(slots);
        self
    }

    /// Sets how long a new key is published before it signs. Verifiers may cache the published set for half
    /// of it. Defaults to 10 minutes.
    ///
    /// The lead, the clock and the lifetime belong to this handle. Set them before you clone it.
    #[must_use]
    pub fn publish_lead(self, lead: Duration) -> Self {
        Self { lead, ..self }
    }

    /// Sets the maximum lifetime of the tokens that these keys sign. Defaults to one hour.
    #[must_use]
    pub fn max_token_lifetime(self, lifetime: Duration) -> Self {
        Self { max_token_lifetime: lifetime, ..self }
    }

    /// Sets the clock. Defaults to the system's clock.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Publishes a key that signs once the [lead time](Self::publish_lead) is over. The previous key ends
    /// when its last token has expired.
    ///
    /// Rotating to the key that signs already changes nothing. To cancel a rotation,
    /// [withdraw](Self::withdraw) the new key.
    ///
    /// # Errors
    ///
    /// Returns [`RotateError::NameTaken`] if another key of the same algorithm has this `kid`: a verifier
    /// with a cached set would use the wrong one. Returns [`RotateError::Withdrawn`] if this key, or
    /// one with this `kid`, was [withdrawn](Self::withdraw).
    pub fn rotate(&self, next: SigningKey) -> Result<(), RotateError> {
        let now = self.clock.now();
        let signs_from = now + self.lead;
        let mut slots = self.slots.write();
        if self.was_withdrawn(&next) {
            return Err(RotateError::Withdrawn);
        }
        drop_ended(&mut slots, now);
        let signing = current(&slots, now);
        if let Some(at) = slots.iter().position(|slot| slot.has_name_of(&next)) {
            if !slots[at].key.is_same(&next) {
                return Err(RotateError::NameTaken);
            }
            if signing == Some(at) {
                return Ok(()); // it signs already
            }
            slots.remove(at).public.end_at(Timestamp::EPOCH); // cached tokens are verified again
        }
        tracing::info!(kid = next.kid(), "signing key published");
        slots.push(Slot::new(next, signs_from));
        self.schedule(&mut slots);
        Ok(())
    }

    /// Withdraws a key, for example because it may have leaked. Every token that it signed is
    /// rejected from now on. If it is the key that signs, the next one takes over at once, even if its
    /// [lead time](Self::publish_lead) is not over: a verifier with an older set rejects its tokens until it fetches
    /// the new set. The key cannot be added again, as long as there is a handle on this set.
    ///
    /// # Errors
    ///
    /// Returns [`WithdrawError::Unknown`] if no key has this `kid`, or the key has ended already;
    /// [`WithdrawError::Last`] if there is no other key.
    pub fn withdraw(&self, kid: &str) -> Result<(), WithdrawError> {
        let now = self.clock.now();
        let mut slots = self.slots.write();
        drop_ended(&mut slots, now);
        let is_withdrawn = |slot: &Slot| slot.key.kid() == kid;
        if !slots.iter().any(is_withdrawn) {
            return Err(WithdrawError::Unknown);
        }
        if slots.iter().all(is_withdrawn) {
            return Err(WithdrawError::Last);
        }
        let was_signing = current(&slots, now).is_some_and(|at| is_withdrawn(&slots[at]));
        for withdrawn in slots.extract_if(.., |slot| is_withdrawn(slot)) {
            withdrawn.public.end_at(Timestamp::EPOCH);
            self.withdrawn.write().extend([kid.into(), withdrawn.key.jwk().thumbprint()]);
        }
        // The next key, or else an earlier one, or else one that only verifies.
        if was_signing && let Some(next) = slots.iter_mut().max_by_key(|slot| slot.signs()) {
            next.signs_from = now;
        }
        self.schedule(&mut slots);
        tracing::warn!(kid, "signing key withdrawn");
        Ok(())
    }

    fn was_withdrawn(&self, key: &SigningKey) -> bool {
        let thumbprint = key.jwk().thumbprint();
        self.withdrawn.read().iter().any(|name| **name == *key.kid() || *name == thumbprint)
    }

    /// Sets the end of each key: when the last token that it signed has expired.
    fn schedule(&self, slots: &mut [Slot]) {
        slots.sort_by_key(|slot| slot.signs_from);
        for at in 0..slots.len() {
            let next = slots.get(at + 1).map_or(Timestamp::MAX, |slot| slot.signs_from);
            let signs = slots[at].signs_from < Timestamp::MAX;
            let ends_at =
                if signs { next + self.max_token_lifetime + LEEWAY } else { Timestamp::MAX };
            slots[at].public.end_at(ends_at);
        }
    }

    /// Returns the public halves as a JWK Set (RFC 7517 section 5), for other verifiers.
    #[must_use]
    pub fn jwks(&self) -> String {
        let now = self.clock.now();
        let slots = self.slots.read();
        super::jwks::set(slots.iter().filter(|slot| slot.public.is_good_at(now)).map(|s| &s.key))
    }

    /// Returns for how long a verifier may cache the set. A verifier that has just cached the old set sees a
    /// new key before it signs.
    pub(super) fn max_age(&self) -> Duration {
        self.lead / 2
    }

    #[cfg(feature = "testing")]
    pub(crate) fn lead(&self) -> Duration {
        self.lead
    }

    #[cfg(feature = "sign-in")]
    pub(crate) fn longest(&self) -> Duration {
        self.max_token_lifetime
    }

    /// Returns the first key, from the newest to the oldest, that passes the check.
    pub(crate) fn find(
        &self,
        check: impl FnMut(&Arc<ParsedKey>) -> bool,
    ) -> Option<Arc<ParsedKey>> {
        let slots = self.slots.read();
        let keys: Vec<_> = slots.iter().rev().map(|slot| Arc::clone(&slot.public)).collect();
        drop(slots); // verifying takes long, and a rotation must not wait for it
        let mut check = check;
        keys.into_iter().find(|key| check(key))
    }

    /// Signs a token of this type (`typ`) with these claims, with the key that signs now.
    ///
    /// No claim is added. Set `exp` and `aud` yourself.
    ///
    /// # Errors
    ///
    /// Returns [`SignError::Claims`] if the claims are not a JSON object.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let key = self.current().ok_or(SignError::Key)?;
        let sign = |message: &[u8]| key.signature(message).map_err(|_| SignError::Key);
        jws::sign(key.algorithm(), Some(key.kid()), typ, claims, sign)
    }

    /// Returns the key that signs now.
    pub(crate) fn current(&self) -> Option<SigningKey> {
        let slots = self.slots.read();
        current(&slots, self.clock.now()).map(|at| slots[at].key.clone())
    }
}

/// Permanently removes the keys that have ended.
fn drop_ended(slots: &mut Vec<Slot>, now: Timestamp) {
    slots.retain(|slot| slot.public.is_good_at(now));
}

/// Returns the position of the key that signs: of those that have begun, the last one.
fn current(slots: &[Slot], now: Timestamp) -> Option<usize> {
    let begun = slots.iter().enumerate().filter(|(_, slot)| slot.signs_from <= now);
    begun.max_by_key(|(_, slot)| slot.signs_from).map(|(at, _)| at)
}

impl Slot {
    fn new(key: SigningKey, signs_from: Timestamp) -> Self {
        let public = Arc::new(key.public_key().0.copy());
        Self { key, public, signs_from }
    }

    /// Returns whether a token cannot distinguish the two keys. An RSA key may be in the ring for several
    /// algorithms.
    fn has_name_of(&self, key: &SigningKey) -> bool {
        self.key.kid() == key.kid() && self.key.algorithm() == key.algorithm()
    }

    /// Returns since when the key signs, or `None` if it only verifies.
    fn signs(&self) -> Option<Timestamp> {
        Some(self.signs_from).filter(|at| *at < Timestamp::MAX)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots.read();
        f.debug_list().entries(slots.iter().map(|slot| &slot.key)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use auth_core::ManualClock;

    fn key(kid: &str) -> SigningKey {
        SigningKey::generate(Algorithm::EdDsa).unwrap().with_kid(kid)
    }

    fn keys() -> (SigningKeys, ManualClock) {
        let clock = ManualClock::new(Timestamp::from_secs(1_000_000));
        (SigningKeys::new(key("a")).clock(clock.clock()), clock)
    }

    fn signer(keys: &SigningKeys) -> String {
        keys.current().unwrap().kid().to_owned()
    }

    #[test]
    fn sec_60_a_key_is_published_before_it_signs_and_until_its_tokens_expire() {
        let (keys, clock) = keys();
        keys.rotate(key("b")).unwrap();
        assert!(keys.jwks().contains("\"b\"") && signer(&keys) == "a");
        clock.advance(Duration::from_secs(599));
        assert_eq!(signer(&keys), "a");
        clock.advance(Duration::from_secs(1));
        assert_eq!(signer(&keys), "b");
        clock.advance(Duration::from_secs(3659));
        assert!(keys.jwks().contains("\"a\""));
        clock.advance(Duration::from_secs(1));
        assert!(!keys.jwks().contains("\"a\""));
    }

    #[test]
    fn another_key_signs_when_one_is_withdrawn() {
        let (keys, clock) = keys();
        assert_eq!(keys.withdraw("a"), Err(WithdrawError::Last));
        assert_eq!(keys.withdraw("x"), Err(WithdrawError::Unknown));
        let b = key("b");
        keys.rotate(b.clone()).unwrap();
        keys.rotate(b).unwrap();
        clock.advance(Duration::from_secs(600));
        keys.rotate(keys.current().unwrap()).unwrap();
        assert_eq!(signer(&keys), "b", "rotating to the current key changes nothing");
        assert_eq!(keys.withdraw("b"), Ok(()));
        assert_eq!(signer(&keys), "a");
        clock.advance(Duration::from_secs(100_000));
        assert!(keys.jwks().contains("\"a\""), "a key that signs does not end");
    }

    #[test]
    fn sec_60_a_key_that_is_added_twice_is_withdrawn_once() {
        let (keys, _) = keys();
        let (stolen, other) = (keys.current().unwrap(), key("b"));
        let keys = keys.add_verifying(stolen);
        assert_eq!(keys.jwks().matches("\"a\"").count(), 1, "it is published once");
        assert_eq!(keys.withdraw("a"), Err(WithdrawError::Last));
        let keys = keys.add_verifying(other.clone()).add_verifying(other);
        assert_eq!(keys.withdraw("b"), Ok(()));
        assert!(!keys.jwks().contains("\"b\""));
        let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
        let again = SigningKey::from_pem(Algorithm::Ps256, rsa.to_pem().unwrap().as_bytes());
        let (kid, keys) =
            (rsa.kid().to_owned(), keys.add_verifying(rsa).add_verifying(again.unwrap()));
        assert_eq!(keys.jwks().matches(&kid).count(), 2, "one for each algorithm");
        assert_eq!(keys.withdraw(&kid), Ok(()));
        assert!(!keys.jwks().contains(&kid));
    }

    /// An operator starts a rotation with the leaked key again, by mistake or from an old script.
    #[test]
    fn sec_60_a_key_that_was_withdrawn_does_not_come_back() {
        let (keys, clock) = keys();
        let leaked = keys.current().unwrap();
        keys.rotate(key("b")).unwrap();
        assert_eq!(keys.withdraw("a"), Ok(()));
        assert_eq!(keys.rotate(leaked.clone()), Err(RotateError::Withdrawn));
        assert_eq!(keys.rotate(leaked.with_kid("c")), Err(RotateError::Withdrawn));
        assert_eq!(keys.clone().rotate(key("a")), Err(RotateError::Withdrawn), "nor its name");
        clock.advance(Duration::from_secs(100_000));
        assert!(signer(&keys) == "b" && !keys.jwks().contains("\"a\""));
    }

    #[test]
    #[should_panic = "the key `a` was withdrawn"]
    fn sec_60_a_key_that_was_withdrawn_is_not_added_again() {
        let (keys, _) = keys();
        let leaked = keys.current().unwrap();
        keys.rotate(key("b")).unwrap();
        assert_eq!(keys.withdraw("a"), Ok(()));
        drop(keys.add_verifying(leaked));
    }

    #[test]
    fn sec_60_a_key_that_has_ended_does_not_come_back() {
        let (keys, clock) = keys();
        keys.rotate(key("b")).unwrap();
        clock.advance(Duration::from_secs(100_000));
        assert_eq!(keys.withdraw("b"), Err(WithdrawError::Last));
        assert_eq!(keys.withdraw("a"), Err(WithdrawError::Unknown));
        assert!(signer(&keys) == "b" && !keys.jwks().contains("\"a\""));
    }

    #[test]
    fn sec_60_two_keys_cannot_have_the_same_kid() {
        let (keys, clock) = keys();
        for _ in 0..2 {
            assert_eq!(keys.rotate(key("a")), Err(RotateError::NameTaken));
            keys.rotate(key("b")).unwrap_or_default();
            assert_eq!(keys.rotate(key("b")), Err(RotateError::NameTaken));
            clock.advance(Duration::from_secs(600));
        }
        clock.advance(Duration::from_secs(100_000));
        assert_eq!(keys.rotate(key("a")), Ok(()), "the `kid` is free again");
    }

    #[test]
    #[should_panic(expected = "another key has the `kid` `a`")]
    fn sec_60_a_key_with_the_kid_of_another_is_not_added() {
        let _ = keys().0.add_verifying(key("a"));
    }
}
