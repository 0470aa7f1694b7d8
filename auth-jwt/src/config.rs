//! What a `JwtAuth` was built with, apart from its claims' type.

use std::sync::OnceLock;

use auth_core::{Clock, CookiePolicy, CrossOriginProtection};

use crate::cache::Cache;
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
    pub(crate) cross_site: CrossOriginProtection,
    pub(crate) clock: Clock,
    pub(crate) cached: usize,
}

impl Base {
    pub(crate) fn new(verifier: Verifier) -> Self {
        let (cross_site, clock) = (CrossOriginProtection::STRICT, Clock::system());
        Self { verifier, cookie: None, cross_site, clock, cached: CACHED }
    }
}

impl<C> Config<C> {
    pub(crate) fn new(base: Base) -> Self {
        Self { base, cache: OnceLock::new() }
    }

    /// Made by the first token that comes: building a configuration costs nothing.
    pub(crate) fn cache(&self) -> Option<&Cache<C>> {
        let Base { cached, .. } = self.base;
        self.cache.get_or_init(|| (cached > 0).then(|| Cache::new(cached))).as_ref()
    }
}
