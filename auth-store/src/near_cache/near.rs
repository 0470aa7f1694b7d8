//! The cache.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, SignInId};
use tokio::task::AbortHandle;

use super::copies::{Copied, Entries};
use super::counts::{Counts, NearCacheStats};
use super::lease::Lease;
use crate::watch::Watchers;

/// A cache in this node's memory, in front of a store that several nodes share: a request whose
/// sign-in was seen here before asks nobody.
///
/// It cannot lie for longer than its bound, two seconds unless it was given another. Every node
/// hears of every change, and proves to itself again and again that it does: beats that it sends
/// come back by the way of the changes. While they do not, copies are not believed and every
/// request asks the store.
///
/// A copy says yes and never no: what it cannot confirm, the store decides. Idle time in particular.
/// Routes for which the bound is too long ask the store itself:
/// [`Require::revalidated`](auth_core::Require::revalidated).
pub struct NearCache<S> {
    pub(super) shared: Arc<NearCacheInner<S>>,
    pub(super) listener: Option<AbortHandle>,
}

pub(super) struct NearCacheInner<S> {
    pub(super) store: S,
    pub(super) copies: Entries,
    pub(super) trust: Trust,
    pub(super) counts: Counts,
    pub(super) clock: Clock,
    /// Who waits for changes that others announce.
    pub(super) watchers: Watchers,
}

/// When a copy may be believed.
pub(super) enum Trust {
    /// While the node proves that it hears of every change.
    Heard(Lease),
    /// For so long after it was loaded: nobody says what changes.
    Aged(Duration),
}

impl<S> NearCacheInner<S> {
    /// Any sign-in may have changed: nothing is believed that was known of them.
    pub(super) fn flush(&self) {
        self.copies.flush();
        self.watchers.wake_all();
    }

    /// This sign-in has changed.
    pub(super) fn changed(&self, sid: &SignInId) {
        self.copies.forget(sid);
        self.watchers.wake(sid);
    }

    /// The copy of this sign-in, if it may be believed now.
    pub(super) fn believed(&self, sid: &SignInId) -> Option<Arc<Copied>> {
        let now = self.clock.monotonic();
        match &self.trust {
            Trust::Heard(lease) => lease.holds(now).then(|| self.copies.get(sid))?,
            Trust::Aged(most) => {
                self.copies.get(sid).filter(|copied| now.saturating_sub(copied.at) < *most)
            }
        }
    }
}

impl<S> NearCache<S> {
    /// How it stands.
    #[must_use]
    pub fn stats(&self) -> NearCacheStats {
        let NearCacheInner { copies, trust, counts, clock, .. } = &*self.shared;
        let (lease, generation) = match trust {
            Trust::Heard(lease) => (lease.left(clock.monotonic()), lease.generation()),
            Trust::Aged(most) => (Some(*most), 0),
        };
        NearCacheStats {
            lease,
            generation,
            hits: counts.hits(),
            misses: counts.misses(),
            invalidations: counts.invalidations(),
            entries: copies.len(),
            bytes: copies.bytes(),
        }
    }

    /// The store behind it.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }
}

impl<S> Drop for NearCache<S> {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl<S> fmt::Debug for NearCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stats().fmt(f)
    }
}
