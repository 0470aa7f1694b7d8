//! One authenticator, shared by all requests without a shared counter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;

use http::{HeaderMap, HeaderValue};

use crate::authenticator::{Attempt, Authenticator};
use crate::clock::Clock;
use crate::cross_site::CrossOriginProtection;
use crate::head::RequestHead;
use crate::rejection::ChallengeReason;
use crate::sign_ins::SignInBackend;
use crate::transport::MemberPath;

/// Every request keeps its authenticator alive, so every request counts a reference. Were it one
/// counter, all cores would take turns at its cache line; here each thread has a lane of its own.
pub(super) struct Shards<A>(Arc<[Arc<Shard<A>>]>);

/// Far enough from the next one for any cache.
#[repr(align(128))]
pub(super) struct Shard<A>(Arc<A>);

impl<A> Shards<A> {
    pub(super) fn new(auth: A) -> Self {
        let auth = Arc::new(auth);
        static LANES: LazyLock<usize> = LazyLock::new(|| {
            thread::available_parallelism().map_or(1, usize::from).min(16).next_power_of_two()
        });
        Self((0..*LANES).map(|_| Arc::new(Shard(Arc::clone(&auth)))).collect())
    }

    /// The lane of this thread.
    #[inline]
    pub(super) fn own(&self) -> &Arc<Shard<A>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! { static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) }
        let own = OWN.try_with(|own| *own).unwrap_or(0); // a thread that ends has no own any more
        &self.0[own & (self.0.len() - 1)]
    }
}

impl<A> Clone for Shards<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Authenticator> Authenticator for Shard<A> {
    type Claims = A::Claims;
    #[inline]
    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<A::Claims>> {
        self.0.authenticate(head)
    }
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        self.0.challenge(reason, headers);
    }
    #[inline]
    fn vary(&self) -> HeaderValue {
        self.0.vary()
    }
    fn sign_ins(&self) -> Option<&dyn SignInBackend<A::Claims>> {
        self.0.sign_ins()
    }
    #[inline]
    fn cross_origin(&self) -> &CrossOriginProtection {
        self.0.cross_origin()
    }
    fn clock(&self) -> &Clock {
        self.0.clock()
    }
    #[inline]
    fn member(&self, path: MemberPath) -> Option<&dyn Authenticator<Claims = A::Claims>> {
        self.0.member(path)
    }
}
