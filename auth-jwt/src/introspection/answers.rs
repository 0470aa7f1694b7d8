//! What the introspection endpoint said about tokens, for as long as it may be used.
//!
//! Requests with the same token wait for one question. A request that needs an answer of its own shares the
//! question with those that arrived before it began. Tokens that were active before are asked about even
//! while made-up tokens use up the questions for new ones.

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::mem;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auth_core::{Clock, Identity, RejectionReason, Timestamp};
use parking_lot::Mutex;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::cache::TokenDigest;
use crate::revocation_list::RevocableNames;
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
    pub(super) names: RevocableNames,
}

impl<C> TokenState<C> {
    /// Returns the token if it is valid at this moment. It may be in the list of revocations.
    pub(super) fn valid(&self, now: Timestamp) -> Result<&ActiveToken<C>, RejectionReason> {
        let token = self.token.as_ref().map_err(|reason| *reason)?;
        token.validity.check(now)?;
        token.checks.as_ref().map_or(Ok(()), ApplicationChecks::run)?;
        Ok(token)
    }
}

/// The place of one token.
#[derive(Debug)]
pub(super) struct Place<C> {
    state: Mutex<Option<Answer<C>>>,
    /// The number of questions about the token that have begun.
    begun: AtomicU64,
    /// Held by the question. So no question overtakes another, and one token takes one of the questions that
    /// may be under way.
    pub(super) asking: Arc<AsyncMutex<()>>,
}

/// The answer to the last question.
#[derive(Debug)]
struct Answer<C> {
    /// The number of the question.
    question: u64,
    state: Arc<TokenState<C>>,
}

impl<C> Default for Place<C> {
    fn default() -> Self {
        Self { state: Mutex::default(), begun: AtomicU64::new(0), asking: Arc::default() }
    }
}

impl<C> Place<C> {
    /// Returns what the endpoint said, if that may still be used.
    fn state(&self, now: Timestamp) -> Option<Arc<TokenState<C>>> {
        self.find(|answer| now < answer.state.until)
    }

    /// Returns what the endpoint said, if it was asked after this many questions had begun.
    pub(super) fn state_since(&self, begun: u64) -> Option<Arc<TokenState<C>>> {
        self.find(|answer| answer.question > begun)
    }

    fn find(&self, is_usable: impl Fn(&Answer<C>) -> bool) -> Option<Arc<TokenState<C>>> {
        let answer = self.state.lock();
        answer.as_ref().filter(|answer| is_usable(answer)).map(|answer| Arc::clone(&answer.state))
    }

    /// Returns how many questions have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Returns the number of a question that begins now.
    pub(super) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn set(&self, question: u64, state: Arc<TokenState<C>>) {
        *self.state.lock() = Some(Answer { question, state });
    }

    fn was_active(&self) -> bool {
        self.state.lock().as_ref().is_some_and(|answer| answer.state.token.is_ok())
    }
}

/// The places of tokens, by their digests, and the limits of the questions.
pub(super) struct Answers<C> {
    places: Cache<TokenDigest, Arc<Place<C>>, UnitWeighter, RandomState>,
    new: Arc<Semaphore>,
    known: Arc<Semaphore>,
    clock: Clock,
}

impl<C> Answers<C> {
    /// Creates a cache for this many tokens.
    pub(super) fn new(capacity: usize, clock: Clock) -> Arc<Self> {
        let places = Cache::with(
            capacity,
            capacity as u64,
            UnitWeighter,
            RandomState::new(),
            DefaultLifecycle::default(),
        );
        let [new, known] = [(); 2].map(|()| Arc::new(Semaphore::new(MAX_QUESTIONS)));
        Arc::new(Self { places, new, known, clock })
    }

    /// Returns what the endpoint said about a token, if that may still be used.
    pub(super) fn find(&self, digest: &TokenDigest, now: Timestamp) -> Option<Arc<TokenState<C>>> {
        self.places.get(digest)?.state(now)
    }

    /// Returns the place of a token. A token that was used once is evicted first, so that a flood of tokens
    /// does not evict those in use.
    pub(super) fn place(self: &Arc<Self>, digest: TokenDigest) -> PlaceInUse<C> {
        let Ok(place) =
            self.places.get_or_insert_with(&digest, || Ok::<_, Infallible>(Arc::default()));
        PlaceInUse { place, digest, answers: Arc::clone(self) }
    }

    /// Returns the number of places.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the limit of the questions about tokens like this one.
    pub(super) fn questions(&self, place: &Place<C>) -> &Arc<Semaphore> {
        if place.was_active() { &self.known } else { &self.new }
    }
}

/// The place of a token while a request or a question uses it.
///
/// The last user removes a place whose answer is never used, unless it shows that the token was active.
pub(super) struct PlaceInUse<C> {
    place: Arc<Place<C>>,
    digest: TokenDigest,
    answers: Arc<Answers<C>>,
}

impl<C> Deref for PlaceInUse<C> {
    type Target = Place<C>;
    fn deref(&self) -> &Place<C> {
        &self.place
    }
}

impl<C> Drop for PlaceInUse<C> {
    fn drop(&mut self) {
        let now = self.answers.clock.now();
        // First, so that of two users who leave at a time, at least one finds the place without the other.
        drop(mem::take(&mut self.place));
        self.answers.places.remove_if(&self.digest, |place| {
            Arc::strong_count(place) == 1 && !place.was_active() && place.state(now).is_none()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use auth_core::{AuthenticationInfo, ManualClock, Principal};

    use super::*;
    use crate::claims::{ClaimsLayout, Payload, TokenClaims};
    use crate::validation::Validation;

    /// The fault: two requests with a new token could each get a place of their own, and both asked.
    #[test]
    fn requests_with_a_new_token_get_the_same_place() {
        let answers = Answers::<()>::new(10_000, Clock::system());
        let barrier = Barrier::new(4);
        for number in 0..2_000_u32 {
            let digest = TokenDigest::of(&number.to_be_bytes());
            let place = || {
                barrier.wait();
                answers.place(digest)
            };
            let places: Vec<_> = thread::scope(|scope| {
                let threads = [(); 4].map(|()| scope.spawn(place));
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(places.iter().all(|it| Arc::ptr_eq(&it.place, &places[0].place)), "{number}");
        }
    }

    #[test]
    fn an_answer_that_is_never_used_takes_no_place() {
        let now = Timestamp::from_secs(1000);
        let answers = Answers::<()>::new(10, ManualClock::new(now).clock());
        let authentication = AuthenticationInfo::new("introspection", None);
        let payload = Payload::read(r#"{"sub":"alice","exp":2000}"#).unwrap();
        let claims = TokenClaims::read(&payload, &ClaimsLayout::default()).unwrap();
        let active = ActiveToken {
            identity: Identity::verified(Principal::new("alice").claims(()), authentication),
            validity: Validation::new().check_claims(&claims).unwrap(),
            checks: None,
            names: RevocableNames::default(),
        };
        let kept = [
            Some(Err(RejectionReason::Unknown)),
            None,             // the endpoint did not answer
            Some(Ok(active)), // its next question is one about a known token
        ]
        .map(|token| {
            let digest = TokenDigest::of(b"token");
            let [place, other] = [(); 2].map(|()| answers.place(digest));
            if let Some(token) = token {
                place.set(place.begin(), Arc::new(TokenState { token, until: now }));
            }
            drop(place);
            assert_eq!(answers.len(), 1, "another request waits");
            drop(other);
            answers.len()
        });
        assert_eq!(kept, [0, 0, 1]);
    }
}
