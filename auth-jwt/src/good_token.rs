//! A token that is good at this moment.

use std::sync::Arc;

use auth_core::{Reason, Timestamp};
use serde::de::DeserializeOwned;

use crate::cache::{Kept, TokenDigest};
use crate::config::Config;
use crate::jws::Compact;
use crate::proven::Proven;

/// A token that is good at this moment: verified just now, or before.
#[derive(Debug)]
pub enum GoodToken<C> {
    /// Verified just now, and not to be kept.
    Now(Proven<C>),
    /// One of the tokens that are kept.
    Kept(Arc<Kept<C>>),
}

impl<C> GoodToken<C> {
    pub(crate) fn proven(&self) -> &Proven<C> {
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
    ) -> Result<GoodToken<C>, Reason> {
        let Some(cache) = self.cache() else {
            let checked = self.base.verifier.check(token, now)?;
            return checked.judge(now).map(|()| GoodToken::Now(checked.proven));
        };
        let digest = TokenDigest::of(token.whole);
        if let Some(known) = cache.find(&digest, now) {
            return known.map(GoodToken::Kept);
        }
        let checked = self.base.verifier.check(token, now)?;
        checked.judge(now)?;
        if checked.key.is_shared() {
            return Ok(GoodToken::Now(checked.proven));
        }
        Ok(GoodToken::Kept(cache.keep(digest, token.whole, checked)))
    }
}
