//! The keys, and when each signs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use parking_lot::RwLock;
use serde::Serialize;

use super::error::{RotateError, WithdrawError};
use crate::jws::{self, SignError};
use crate::key::{ParsedKey, SigningKey};

/// Private keys that follow one another. A clone is another handle on the same keys, so a running
/// server changes keys without a restart.
///
/// A new key is published first, and signs only when everybody who keeps the published set has
/// seen it. The old one stays published until the last token that it signed has ended.
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
    clock: Clock,
    lead: Duration,
    longest: Duration,
}

/// No two have one name and algorithm.
struct Slot {
    key: SigningKey,
    /// Its public half, which ends here and nowhere else.
    held: Arc<ParsedKey>,
    signs_from: Timestamp,
}

/// How far clocks of verifiers may differ from ours when an old key ends.
const LEEWAY: Duration = Duration::from_secs(60);

impl SigningKeys {
    /// These keys, of which the first signs at once.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let slot = Slot::new(key, Timestamp::EPOCH);
        Self {
            slots: Arc::new(RwLock::new(vec![slot])),
            clock: Clock::system(),
            lead: Duration::from_secs(600),
            longest: Duration::from_secs(3600),
        }
    }

    /// Also publishes and accepts this key, which signs nothing before it is
    /// [rotated](Self::rotate) to: the key of another node that is a step ahead or behind. A key
    /// that is there already stays as it is.
    ///
    /// # Panics
    /// If another key of its algorithm has its name.
    #[must_use]
    pub fn add_verifying(self, key: SigningKey) -> Self {
        let mut slots = self.slots.write();
        drop_ended(&mut slots, self.clock.now());
        match slots.iter().find(|slot| slot.goes_by_the_name_of(&key)) {
            Some(slot) => {
                assert!(slot.key.is_same(&key), "another key has the `kid` `{}`", key.kid());
            }
            None => slots.push(Slot::new(key, Timestamp::MAX)),
        }
        drop(slots);
        self
    }

    /// How long a new key is published before it signs: 10 minutes otherwise. This, the clock and the
    /// longest token are this handle's own: say them before you clone it. Whoever fetches the
    /// set may keep it for half of that.
    #[must_use]
    pub fn publish_lead(self, lead: Duration) -> Self {
        Self { lead, ..self }
    }

    /// How long the longest token lives that these keys sign: an hour otherwise.
    #[must_use]
    pub fn max_token_lifetime(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    /// The clock; the system's otherwise.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Publishes a key that takes over when it has been published long enough. The one before it
    /// ends when its last token has. To rotate to the key that signs already changes nothing:
    /// [withdraw](Self::withdraw) the next one to take a rotation back.
    ///
    /// # Errors
    /// If another key of its algorithm has its name: whoever keeps the published set would take one for the other.
    pub fn rotate(&self, next: SigningKey) -> Result<(), RotateError> {
        let now = self.clock.now();
        let signs_from = now + self.lead;
        let mut slots = self.slots.write();
        drop_ended(&mut slots, now);
        let signs = current(&slots, now);
        if let Some(at) = slots.iter().position(|slot| slot.goes_by_the_name_of(&next)) {
            if !slots[at].key.is_same(&next) {
                return Err(RotateError::NameTaken);
            }
            if signs == Some(at) {
                return Ok(()); // it signs already
            }
            slots.remove(at).held.end_at(Timestamp::EPOCH); // its tokens are verified anew
        }
        tracing::info!(kid = next.kid(), "a new signing key is published");
        slots.push(Slot::new(next, signs_from));
        self.schedule(&mut slots);
        Ok(())
    }

    /// Withdraws a key that somebody else may have: every token that it signed is refused from now
    /// on. If it is the one that signs, the next one takes over at once.
    ///
    /// # Errors
    /// If there is no such key, or no other one. A key whose last token has ended is none.
    pub fn withdraw(&self, kid: &str) -> Result<(), WithdrawError> {
        let now = self.clock.now();
        let mut slots = self.slots.write();
        drop_ended(&mut slots, now);
        let goes = |slot: &Slot| slot.key.kid() == kid;
        if !slots.iter().any(goes) {
            return Err(WithdrawError::Unknown);
        }
        if slots.iter().all(goes) {
            return Err(WithdrawError::Last);
        }
        let signed = current(&slots, now).is_some_and(|at| goes(&slots[at]));
        for withdrawn in slots.extract_if(.., |slot| goes(slot)) {
            withdrawn.held.end_at(Timestamp::EPOCH);
        }
        // The one that was to follow, or one from before; one that was only accepted comes last.
        if signed && let Some(next) = slots.iter_mut().max_by_key(|slot| slot.state()) {
            next.signs_from = now;
        }
        self.schedule(&mut slots);
        tracing::warn!(kid, "a signing key is withdrawn");
        Ok(())
    }

    /// Each key ends when the last token has that it signed before the next one took over.
    fn schedule(&self, slots: &mut [Slot]) {
        slots.sort_by_key(|slot| slot.signs_from);
        for at in 0..slots.len() {
            let next = slots.get(at + 1).map_or(Timestamp::MAX, |slot| slot.signs_from);
            let signs = slots[at].signs_from < Timestamp::MAX;
            let ends_at = if signs { next + self.longest + LEEWAY } else { Timestamp::MAX };
            slots[at].held.end_at(ends_at);
        }
    }

    /// The public halves as a JWK Set (RFC 7517 section 5), for verifiers elsewhere.
    #[must_use]
    pub fn jwks(&self) -> String {
        let now = self.clock.now();
        let slots = self.slots.read();
        super::jwks::set(slots.iter().filter(|slot| slot.held.is_good_at(now)).map(|s| &s.key))
    }

    /// For how long whoever fetches the set may keep it.
    pub(super) fn max_age(&self) -> Duration {
        self.lead / 2
    }

    #[cfg(feature = "testing")]
    pub(crate) fn lead(&self) -> Duration {
        self.lead
    }

    #[cfg(feature = "sign-in")]
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    pub(crate) fn find(
        &self,
        check: impl FnMut(&Arc<ParsedKey>) -> bool,
    ) -> Option<Arc<ParsedKey>> {
        let slots = self.slots.read();
        let keys: Vec<_> = slots.iter().rev().map(|slot| Arc::clone(&slot.held)).collect();
        drop(slots); // checking a signature takes long
        let mut check = check;
        keys.into_iter().find(|key| check(key))
    }

    /// A token of this type (`typ`) with these claims, by the key that signs now. It says what it
    /// is given and nothing else: `exp` and `aud` are yours to set.
    ///
    /// # Errors
    /// If the claims are no JSON object.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let key = self.current().ok_or(SignError::Key)?;
        let sign = |message: &[u8]| key.signature(message).map_err(|_| SignError::Key);
        jws::sign(key.algorithm(), Some(key.kid()), typ, claims, sign)
    }

    /// The key that signs now.
    pub(crate) fn current(&self) -> Option<SigningKey> {
        let slots = self.slots.read();
        current(&slots, self.clock.now()).map(|at| slots[at].key.clone())
    }
}

/// What has ended never comes back.
fn drop_ended(slots: &mut Vec<Slot>, now: Timestamp) {
    slots.retain(|slot| slot.held.is_good_at(now));
}

/// Which key signs: the one that began last.
fn current(slots: &[Slot], now: Timestamp) -> Option<usize> {
    let began = slots.iter().enumerate().filter(|(_, slot)| slot.signs_from <= now);
    began.max_by_key(|(_, slot)| slot.signs_from).map(|(at, _)| at)
}

impl Slot {
    fn new(key: SigningKey, signs_from: Timestamp) -> Self {
        let held = Arc::new(key.public_key().0.copy());
        Self { key, held, signs_from }
    }

    /// Whether a token cannot tell it from this key. One key of RSA may be there for several
    /// algorithms.
    fn goes_by_the_name_of(&self, key: &SigningKey) -> bool {
        self.key.kid() == key.kid() && self.key.algorithm() == key.algorithm()
    }

    /// When it signs or signed; never counts least.
    fn state(&self) -> Option<Timestamp> {
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
    fn sec_60_a_key_is_published_then_signs_then_stays_for_its_tokens() {
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
    fn whatever_is_withdrawn_somebody_signs_and_goes_on() {
        let (keys, clock) = keys();
        assert_eq!(keys.withdraw("a"), Err(WithdrawError::Last));
        assert_eq!(keys.withdraw("x"), Err(WithdrawError::Unknown));
        let b = key("b");
        keys.rotate(b.clone()).unwrap();
        keys.rotate(b).unwrap();
        clock.advance(Duration::from_secs(600));
        keys.rotate(keys.current().unwrap()).unwrap();
        assert_eq!(signer(&keys), "b", "to rotate to the present key changes nothing");
        assert_eq!(keys.withdraw("b"), Ok(()));
        assert_eq!(signer(&keys), "a");
        clock.advance(Duration::from_secs(100_000));
        assert!(keys.jwks().contains("\"a\""), "it signs, so it does not end");
    }

    #[test]
    fn sec_60_a_key_that_came_twice_is_withdrawn_as_a_whole() {
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
    fn sec_60_no_two_keys_have_one_name() {
        let (keys, clock) = keys();
        for _ in 0..2 {
            assert_eq!(keys.rotate(key("a")), Err(RotateError::NameTaken));
            keys.rotate(key("b")).unwrap_or_default();
            assert_eq!(keys.rotate(key("b")), Err(RotateError::NameTaken));
            clock.advance(Duration::from_secs(600));
        }
        clock.advance(Duration::from_secs(100_000));
        assert_eq!(keys.rotate(key("a")), Ok(()), "the name is free again");
    }

    #[test]
    #[should_panic(expected = "another key has the `kid` `a`")]
    fn sec_60_a_key_of_a_name_that_is_taken_is_not_accepted() {
        let _ = keys().0.add_verifying(key("a"));
    }
}
