//! What a `JwtAuth` was built with, apart from its claims' type.

use std::sync::{Arc, OnceLock};

use auth_core::{Clock, CookiePolicy, CrossSite, Reason, Timestamp};
use serde::de::DeserializeOwned;

use crate::cache::{Cache, Kept, TokenDigest};
use crate::jws::MAX_BYTES;
use crate::proven::Proven;
use crate::verifier::Verifier;

/// How many verified tokens are kept.
const CACHED: usize = 10_000;

/// The configuration, and the tokens that were verified by it.
pub(crate) struct Config<C> {
    pub(crate) base: Base,
    cache: OnceLock<Option<Cache<C>>>,
}

/// The configuration.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) verifier: Verifier,
    pub(crate) cookie: Option<CookiePolicy>,
    pub(crate) cross_site: CrossSite,
    pub(crate) clock: Clock,
    pub(crate) cached: usize,
}

impl Base {
    pub(crate) fn new(verifier: Verifier) -> Self {
        let (cross_site, clock) = (CrossSite::STRICT, Clock::system());
        Self { verifier, cookie: None, cross_site, clock, cached: CACHED }
    }
}

impl<C> Config<C> {
    pub(crate) fn new(base: Base) -> Self {
        Self { base, cache: OnceLock::new() }
    }

    /// Made by the first token that comes: building a configuration costs nothing.
    fn cache(&self) -> Option<&Cache<C>> {
        let Base { cached, verifier, .. } = &self.base;
        let wanted = || *cached > 0 && verifier.is_worth_remembering();
        self.cache.get_or_init(|| wanted().then(|| Cache::new(*cached))).as_ref()
    }
}

/// A token that is good at this moment: verified just now, or before.
#[derive(Debug)]
pub enum Verified<C> {
    /// Verified just now, and not to be kept.
    Now(Proven<C>),
    /// One of the tokens that are kept.
    Kept(Arc<Kept<C>>),
}

impl<C> Verified<C> {
    pub(crate) fn proven(&self) -> &Proven<C> {
        match self {
            Self::Now(proven) => proven,
            Self::Kept(kept) => &kept.checked.proven,
        }
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> Config<C> {
    /// What a token proves at this moment.
    pub(crate) fn verify(&self, token: &[u8], now: Timestamp) -> Result<Verified<C>, Reason> {
        let Some(cache) = self.cache().filter(|_| token.len() <= MAX_BYTES) else {
            let checked = self.base.verifier.check(token, now)?;
            return checked.validity.judge(now).map(|()| Verified::Now(checked.proven));
        };
        let digest = TokenDigest::of(token);
        if let Some(known) = cache.find(&digest, now) {
            return known.map(Verified::Kept);
        }
        let checked = self.base.verifier.check(token, now)?;
        checked.validity.judge(now)?;
        if checked.key.is_shared() {
            return Ok(Verified::Now(checked.proven));
        }
        Ok(Verified::Kept(cache.keep(digest, token, checked)))
    }
}
