//! What the introspection endpoint said about tokens, for as long as it may be used.
//!
//! Requests with the same token wait for one question. Tokens that were active before are asked about even
//! while made-up tokens use up the questions for new ones.

use std::collections::hash_map::RandomState;
use std::sync::Arc;

use auth_core::{Identity, RejectionReason, Timestamp};
use parking_lot::Mutex;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::cache::TokenDigest;
use crate::validation::{ApplicationChecks, Validity};

/// How many questions about tokens that were not active before may be under way, and how many about others.
const MAX_QUESTIONS: usize = 32;

/// What the endpoint said about one token.
#[derive(Debug)]
pub(super) struct TokenState<C> {
    pub(super) token: Result<ActiveToken<C>, RejectionReason>,
    /// When the endpoint has to be asked again.
    pub(super) until: Timestamp,
}

/// A token that is active.
#[derive(Debug)]
pub(super) struct ActiveToken<C> {
    pub(super) identity: Identity<C>,
    pub(super) validity: Validity,
    pub(super) checks: Option<ApplicationChecks>,
}

impl<C> TokenState<C> {
    /// Returns the identity that the token proves at this moment.
    pub(super) fn identity(&self, now: Timestamp) -> Result<&Identity<C>, RejectionReason> {
        let token = self.token.as_ref().map_err(|reason| *reason)?;
        token.validity.check(now)?;
        token.checks.as_ref().map_or(Ok(()), ApplicationChecks::run)?;
        Ok(&token.identity)
    }
}

/// The place of one token.
#[derive(Debug)]
pub(super) struct Place<C> {
    state: Mutex<Option<Arc<TokenState<C>>>>,
    /// Held by the request that asks.
    pub(super) asking: AsyncMutex<()>,
}

impl<C> Default for Place<C> {
    fn default() -> Self {
        Self { state: Mutex::default(), asking: AsyncMutex::default() }
    }
}

impl<C> Place<C> {
    /// Returns what the endpoint said, if that may still be used.
    pub(super) fn state(&self, now: Timestamp) -> Option<Arc<TokenState<C>>> {
        self.state.lock().clone().filter(|state| now < state.until)
    }

    pub(super) fn set(&self, state: Arc<TokenState<C>>) {
        *self.state.lock() = Some(state);
    }

    fn was_active(&self) -> bool {
        self.state.lock().as_ref().is_some_and(|state| state.token.is_ok())
    }
}

/// The places of tokens, by their digests, and the limits of the questions.
pub(super) struct Answers<C> {
    places: Cache<TokenDigest, Arc<Place<C>>, UnitWeighter, RandomState>,
    new: Semaphore,
    known: Semaphore,
}

impl<C> Answers<C> {
    /// Creates a cache for this many tokens.
    pub(super) fn new(capacity: usize) -> Self {
        let places = Cache::with(
            capacity,
            capacity as u64,
            UnitWeighter,
            RandomState::new(),
            DefaultLifecycle::default(),
        );
        let [new, known] = [(); 2].map(|()| Semaphore::new(MAX_QUESTIONS));
        Self { places, new, known }
    }

    /// Returns what the endpoint said about a token, if that may still be used.
    pub(super) fn find(&self, digest: &TokenDigest, now: Timestamp) -> Option<Arc<TokenState<C>>> {
        self.places.get(digest)?.state(now)
    }

    /// Returns the place of a token. A token that was used once is evicted first, so that a flood of tokens
    /// does not evict those in use.
    pub(super) fn place(&self, digest: TokenDigest) -> Arc<Place<C>> {
        if let Some(place) = self.places.get(&digest) {
            return place;
        }
        let place = Arc::<Place<C>>::default();
        self.places.insert(digest, Arc::clone(&place));
        place
    }

    /// Returns the limit of the questions about tokens like this one.
    pub(super) fn questions(&self, place: &Place<C>) -> &Semaphore {
        if place.was_active() { &self.known } else { &self.new }
    }
}
