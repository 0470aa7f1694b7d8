//! The keys of one issuer, and [`KeySource`], the values that they can be created from.
//!
//! A token is verified with the keys that its `kid` names, and with a bounded number of others.

use std::sync::Arc;

use auth_core::{RejectionReason, Timestamp};

use crate::jws::{Compact, Header};
use crate::key::{HmacKey, Key, MAX_ALIKE, ParsedKey, SigningKey, can_be_tried};
use crate::key_set::KeySet;
use crate::mode::{Mode, Signer, Signs, Verifies};
#[cfg(feature = "remote-keys")]
use crate::remote_keys::{RemoteIssuers, RemoteKeys, RemoteKeysBuilder};
use crate::signing_keys::SigningKeys;

/// Keys that [`JwtAuth::new`](crate::JwtAuth::new) accepts: a [`Key`] or a [`KeySet`] to verify; a
/// [`HmacKey`], a [`SigningKey`] or [`SigningKeys`] to verify and sign. With the feature `remote-keys`, also
/// `RemoteKeys`, `RemoteKeysBuilder` and `RemoteIssuers`, to verify. This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of keys",
    label = "expected keys, such as a `Key`",
    note = "`Key::hs256`, `Key::from_pem` and `Key::from_jwk` create a key of bytes or of a text"
)]
pub trait KeySource: sealed::Sealed {
    #[doc(hidden)]
    type Mode: Mode;

    #[doc(hidden)]
    fn into_keys(self) -> (Keys, Self::Mode);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::key::Key {}
    impl Sealed for crate::key::HmacKey {}
    impl Sealed for crate::key::SigningKey {}
    impl Sealed for crate::key_set::KeySet {}
    impl Sealed for crate::signing_keys::SigningKeys {}
    #[cfg(feature = "remote-keys")]
    impl Sealed for crate::remote_keys::RemoteKeys {}
    #[cfg(feature = "remote-keys")]
    impl Sealed for crate::remote_keys::RemoteKeysBuilder {}
    #[cfg(feature = "remote-keys")]
    impl Sealed for crate::remote_keys::RemoteIssuers {}
}

impl KeySource for Key {
    type Mode = Verifies;
    fn into_keys(self) -> (Keys, Verifies) {
        (Keys::fixed(vec![self.0]), Verifies)
    }
}

impl KeySource for KeySet {
    type Mode = Verifies;
    fn into_keys(self) -> (Keys, Verifies) {
        (Keys::fixed(self.keys), Verifies)
    }
}

impl KeySource for HmacKey {
    type Mode = Signs;
    fn into_keys(self) -> (Keys, Signs) {
        (Keys::fixed(vec![Arc::clone(&self.held)]), Signs(Signer::Shared(self)))
    }
}

impl KeySource for SigningKey {
    type Mode = Signs;
    fn into_keys(self) -> (Keys, Signs) {
        SigningKeys::new(self).into_keys()
    }
}

impl KeySource for SigningKeys {
    type Mode = Signs;
    fn into_keys(self) -> (Keys, Signs) {
        let keys = Keys { ring: Some(self.clone()), ..Keys::default() };
        (keys, Signs(Signer::Ring(self)))
    }
}

#[cfg(feature = "remote-keys")]
impl KeySource for RemoteKeys {
    type Mode = Verifies;
    fn into_keys(self) -> (Keys, Verifies) {
        (Keys { remote: Some(self), ..Keys::default() }, Verifies)
    }
}

/// # Panics
/// Panics if an option is wrong: see [`RemoteKeysBuilder::build`].
#[cfg(feature = "remote-keys")]
impl KeySource for RemoteKeysBuilder {
    type Mode = Verifies;
    fn into_keys(self) -> (Keys, Verifies) {
        self.build().unwrap_or_else(|error| panic!("{error}")).into_keys()
    }
}

#[cfg(feature = "remote-keys")]
impl KeySource for RemoteIssuers {
    type Mode = Verifies;
    fn into_keys(self) -> (Keys, Verifies) {
        (Keys { rule: Some(self), ..Keys::default() }, Verifies)
    }
}

/// The keys of one issuer, or of those that a rule accepts.
#[derive(Clone, Debug, Default)]
#[doc(hidden)]
pub struct Keys {
    fixed: Vec<Arc<ParsedKey>>,
    ring: Option<SigningKeys>,
    #[cfg(feature = "remote-keys")]
    remote: Option<RemoteKeys>,
    #[cfg(feature = "remote-keys")]
    rule: Option<RemoteIssuers>,
}

/// The number of sources: keys that are fixed, that sign, and that are fetched.
const SOURCES: usize = 3;

pub(crate) const UNKNOWN_KEY: RejectionReason = RejectionReason::Other("unknown key");
pub(crate) const WRONG_ALGORITHM: RejectionReason = RejectionReason::Other("wrong algorithm");
pub(crate) const BAD_SIGNATURE: RejectionReason = RejectionReason::Other("bad signature");

impl Keys {
    fn fixed(keys: Vec<Arc<ParsedKey>>) -> Self {
        Self { fixed: keys, ..Self::default() }
    }

    /// Adds a key.
    ///
    /// # Panics
    ///
    /// Panics if it would never be tried.
    pub(crate) fn add(&mut self, Key(held): Key) {
        assert!(
            can_be_tried(&held, &self.fixed),
            "at most {MAX_ALIKE} keys of one algorithm may have the same `kid`, or none: call `with_kid`"
        );
        self.fixed.push(held);
    }

    /// Returns whether all keys are shared secrets.
    pub(crate) fn are_secrets(&self) -> bool {
        #[cfg(feature = "remote-keys")]
        if self.remote.is_some() || self.rule.is_some() {
            return false;
        }
        self.ring.is_none() && self.fixed.iter().all(|key| key.is_shared())
    }

    /// Returns the key that made the signature.
    ///
    /// The header selects keys by `kid`, and never how a key is used: each is for one algorithm (RFC
    /// 8725 section 3.1). Keys that the header names are tried first; there are only a few of one name. Of
    /// the others only a few are tried, so that forged tokens do not cost a verification for every key.
    pub(crate) fn verify(
        &self,
        header: &Header<'_>,
        token: &Compact<'_>,
        now: Timestamp,
    ) -> Result<Arc<ParsedKey>, RejectionReason> {
        token.with_signature(|signature| {
            let mut failure = None;
            // Each source has its own number of tries, so that keys of one do not hide those of another.
            let mut tries = [MAX_ALIKE; SOURCES];
            for state in [KeyChoice::Named, KeyChoice::Unnamed, KeyChoice::NotAskedFor] {
                let check = |source: usize, key: &Arc<ParsedKey>| {
                    if KeyChoice::of(key, header) != Some(state)
                        || tries[source] == 0
                        || !key.is_good_at(now)
                    {
                        return false;
                    }
                    failure = Some(BAD_SIGNATURE);
                    tries[source] -= usize::from(state != KeyChoice::Named);
                    key.verifies(token.message, signature)
                };
                if let Some(key) = self.find(check) {
                    return Ok(key);
                }
            }
            Err(failure.unwrap_or_else(|| self.reason_without_key(header, now)))
        })?
    }

    /// Returns why no key was tried with a token.
    fn reason_without_key(&self, header: &Header<'_>, now: Timestamp) -> RejectionReason {
        let is_named =
            |key: &ParsedKey| header.kid.is_none() || header.kid.as_deref() == key.kid.as_deref();
        match self.find(|_, key| is_named(key) && key.is_good_at(now)) {
            Some(_) => WRONG_ALGORITHM,
            None => UNKNOWN_KEY,
        }
    }

    /// Returns the first key for which `check` returns `true`. Its first argument is the number of the key's
    /// source.
    fn find(
        &self,
        mut check: impl FnMut(usize, &Arc<ParsedKey>) -> bool,
    ) -> Option<Arc<ParsedKey>> {
        let fixed = self.fixed.iter().find(|key| check(0, key)).cloned();
        let found = fixed.or_else(|| self.ring.as_ref()?.find(|key| check(1, key)));
        #[cfg(feature = "remote-keys")]
        let found = found.or_else(|| self.remote.as_ref()?.find(|key| check(2, key)));
        found
    }
}

#[cfg(feature = "remote-keys")]
impl Keys {
    /// Returns the keys that are fetched.
    pub(crate) fn remote(&self) -> Option<&RemoteKeys> {
        self.remote.as_ref()
    }

    /// Returns the rule that states whose keys are fetched.
    pub(crate) fn rule(&self) -> Option<&RemoteIssuers> {
        self.rule.as_ref()
    }

    /// Returns whether newer keys could verify a token with this header that these keys did not verify: it
    /// names none of them.
    pub(crate) fn may_lack_key_of(&self, header: &Header<'_>, now: Timestamp) -> bool {
        let named = |_, key: &Arc<ParsedKey>| {
            header.kid.is_some()
                && key.kid.as_deref() == header.kid.as_deref()
                && key.is_good_at(now)
        };
        self.find(named).is_none()
    }

    /// Returns a number that changes whenever keys that are fetched are replaced.
    pub(crate) fn generation(&self) -> u64 {
        let remote = self.remote.as_ref().map_or(0, RemoteKeys::generation);
        remote.wrapping_add(self.rule.as_ref().map_or(0, RemoteIssuers::generation))
    }

    pub(crate) fn are_by_rule(&self) -> bool {
        self.rule.is_some()
    }

    /// Returns whether the rule accepts this issuer.
    pub(crate) fn rule_accepts(&self, issuer: &str) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.accepts(issuer))
    }

    /// Returns the keys of an issuer that the rule has admitted.
    pub(crate) fn of_member(&self, issuer: &str) -> Option<Self> {
        let remote = self.rule.as_ref()?.keys(issuer)?;
        Some(Self { fixed: self.fixed.clone(), remote: Some(remote), ..Self::default() })
    }

    /// Remembers that the keys of this issuer verified a token.
    pub(crate) fn verified_by_member(&self, issuer: &str, now: Timestamp) {
        if let Some(rule) = &self.rule {
            rule.verified(issuer, now);
        }
    }
}

/// No keys are fetched, so there is no rule that states whose.
#[cfg(not(feature = "remote-keys"))]
#[allow(clippy::unused_self)]
impl Keys {
    pub(crate) fn generation(&self) -> u64 {
        0
    }

    pub(crate) fn are_by_rule(&self) -> bool {
        false
    }

    pub(crate) fn rule_accepts(&self, _: &str) -> bool {
        false
    }

    pub(crate) fn of_member(&self, _: &str) -> Option<Self> {
        None
    }

    pub(crate) fn verified_by_member(&self, _: &str, _: Timestamp) {}
}

/// When a key is tried with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyChoice {
    /// The token names the key.
    Named,
    /// The key has no `kid`.
    Unnamed,
    /// The key has a `kid`, and the token names none.
    NotAskedFor,
}

impl KeyChoice {
    fn of(key: &ParsedKey, header: &Header<'_>) -> Option<Self> {
        if key.algorithm != header.algorithm {
            return None;
        }
        match (&header.kid, &key.kid) {
            (Some(asked), Some(own)) => (**asked == **own).then_some(Self::Named),
            (_, None) => Some(Self::Unnamed),
            (None, Some(_)) => Some(Self::NotAskedFor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;

    fn secret(byte: u8) -> HmacKey {
        Key::hs256([byte; 32]).unwrap()
    }

    /// Returns whether one of the keys made the token.
    fn accepts(keys: &Keys, token: &str) -> bool {
        let compact = Compact::split(token.as_bytes(), 8192).unwrap();
        let mut buffer = crate::jws::Buffer::new();
        let header = Header::read(buffer.decode(compact.header).unwrap()).unwrap();
        keys.verify(&header, &compact, Timestamp::EPOCH).is_ok()
    }

    fn sign(key: &HmacKey) -> String {
        key.sign("JWT", &serde_json::json!({})).unwrap()
    }

    #[test]
    fn a_named_key_is_tried_however_many_others_there_are() {
        let pair = || SigningKey::generate(Algorithm::EdDsa).unwrap();
        let old: Vec<_> = (0..4).map(|_| pair()).collect();
        let own = SigningKeys::new(pair());
        let (mut keys, _) = own.clone().into_keys();
        for key in old {
            let mut held = key.public_key().0.copy();
            held.kid = None;
            keys.add(Key(held.into()));
        }
        assert!(accepts(&keys, &own.sign("JWT", &serde_json::json!({})).unwrap()));
    }

    #[test]
    fn every_key_without_a_kid_is_tried() {
        let (mut keys, _) = secret(0).into_keys();
        let named = (10..20).map(|byte| secret(byte).with_kid(&byte.to_string()));
        named.for_each(|key| keys.add(key.into()));
        (1..4).for_each(|byte| keys.add(secret(byte).into()));
        for byte in 0..4 {
            assert!(accepts(&keys, &sign(&secret(byte))), "{byte}");
            assert!(accepts(&keys, &sign(&secret(byte).with_kid("of its issuer"))), "{byte}");
        }
        assert!(accepts(&keys, &sign(&secret(19).with_kid("19"))));
        assert!(!accepts(&keys, &sign(&secret(19))), "only four are tried");
    }

    #[test]
    #[should_panic(expected = "call `with_kid`")]
    fn a_key_that_would_never_be_tried_is_rejected() {
        let (mut keys, _) = secret(0).into_keys();
        (1..=4).for_each(|byte| keys.add(secret(byte).into()));
    }

    #[test]
    fn all_keys_of_one_name_are_tried() {
        let (mut keys, _) = secret(0).with_kid("a").into_keys();
        (1..4).for_each(|byte| keys.add(secret(byte).with_kid("a").into()));
        for byte in 0..4 {
            assert!(accepts(&keys, &sign(&secret(byte).with_kid("a"))), "{byte}");
        }
        assert!(!accepts(&keys, &sign(&secret(4).with_kid("a"))));
    }

    #[test]
    #[should_panic(expected = "call `with_kid`")]
    fn sec_57_there_are_few_keys_of_one_name() {
        let (mut keys, _) = secret(0).with_kid("a").into_keys();
        (1..=4).for_each(|byte| keys.add(secret(byte).with_kid("a").into()));
    }
}
