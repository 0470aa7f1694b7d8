//! Where keys come from.

use std::sync::Arc;

use auth_core::{Reason, Timestamp};

use crate::jws::{Compact, Header};
use crate::key::{Held, Key, SharedKey, SigningKey};
use crate::key_set::KeySet;
use crate::mode::{Signer, Signs, Verifies};
use crate::signing_keys::SigningKeys;

/// Keys that [`JwtAuth::new`](crate::JwtAuth::new) takes: a [`Key`] or a [`KeySet`], which verify;
/// a [`SharedKey`], a [`SigningKey`] or [`SigningKeys`], which sign, too.
pub trait KeySource: sealed::Sealed {
    /// What can be done with them: [`Verifies`] or [`Signs`].
    type Mode;

    #[doc(hidden)]
    fn into_keys(self) -> (Keys, Self::Mode);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::key::Key {}
    impl Sealed for crate::key::SharedKey {}
    impl Sealed for crate::key::SigningKey {}
    impl Sealed for crate::key_set::KeySet {}
    impl Sealed for crate::signing_keys::SigningKeys {}
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

impl KeySource for SharedKey {
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
        let keys = Keys { fixed: Vec::new(), ring: Some(self.clone()) };
        (keys, Signs(Signer::Ring(self)))
    }
}

/// The keys of one issuer.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub struct Keys {
    fixed: Vec<Arc<Held>>,
    ring: Option<SigningKeys>,
}

/// How many keys are tried with one token that does not say which: a forged one costs as many
/// checks.
const MOST_TRIES: usize = 4;
const UNKNOWN_KEY: Reason = Reason::Other("unknown key");
const BAD_SIGNATURE: Reason = Reason::Other("bad signature");

impl Keys {
    fn fixed(keys: Vec<Arc<Held>>) -> Self {
        Self { fixed: keys, ring: None }
    }

    pub(crate) fn add(&mut self, Key(held): Key) {
        self.fixed.push(held);
    }

    /// Whether all of them are shared secrets.
    pub(crate) fn are_secrets(&self) -> bool {
        self.ring.is_none() && self.fixed.iter().all(|key| key.is_shared())
    }

    /// The key that made the signature. The header chooses among the keys by name, and never how
    /// one of them is used: each is for one algorithm (RFC 8725 section 3.1).
    pub(crate) fn verify(
        &self,
        header: &Header<'_>,
        token: &Compact<'_>,
        now: Timestamp,
    ) -> Result<Arc<Held>, Reason> {
        token.with_signature(|signature| {
            let mut failure = UNKNOWN_KEY;
            let mut tries = MOST_TRIES;
            let mut check = |key: &Arc<Held>| {
                if tries == 0 || !fits(key, header) || !key.is_good_at(now) {
                    return false;
                }
                (failure, tries) = (BAD_SIGNATURE, tries - 1);
                key.verifies(token.message, signature)
            };
            let fixed = self.fixed.iter().find(|key| check(key)).cloned();
            let found = fixed.or_else(|| self.ring.as_ref()?.find(&mut check));
            found.ok_or(failure)
        })?
    }
}

fn fits(key: &Held, header: &Header<'_>) -> bool {
    let named = match (&header.kid, &key.kid) {
        (Some(asked), Some(own)) => **asked == **own,
        _ => true,
    };
    key.algorithm == header.algorithm && named
}
