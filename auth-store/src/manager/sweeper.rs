//! Removing expired sign-ins from a store that does not do so by itself.
//!
//! There is no task that waits: a sign-in that is created or used starts a sweep if one is due. A sweep
//! takes small steps, and pauses between them for longer than a step takes, so that a store with much
//! to remove is not busy with it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use auth_core::Timestamp;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::background;
use super::sign_in_manager::SignInManager;
use crate::error::StoreError;
use crate::store::Swept;

/// The time between the starts of two sweeps. Each node adds up to as much again, so that the nodes take
/// turns.
const INTERVAL: Duration = Duration::from_secs(60);
/// For how long expired sign-ins are kept, because the clocks of the nodes may differ.
const KEPT: Duration = Duration::from_secs(60);
/// The maximum number of sign-ins that are removed in one step.
const STEP: usize = 256;
/// How many times longer a pause is than the step before it.
const PAUSE: u32 = 4;

/// When the next sweep is due, and whether one is under way.
#[derive(Debug, Default)]
pub(super) struct Sweeper {
    /// In milliseconds; zero before the first call, which only chooses the first time.
    due_at: AtomicU64,
    is_running: AtomicBool,
}

impl Sweeper {
    /// Returns whether a sweep is due. If so, chooses the time of the next one.
    fn is_due(&self, now: Timestamp) -> bool {
        let due_at = self.due_at.load(Ordering::Relaxed);
        if now.as_millis() < due_at {
            return false;
        }
        // Without randomness, all nodes sweep at the same moments, which only takes longer.
        let jitter =
            INTERVAL.mul_f64(f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX));
        let next = (now + INTERVAL + jitter).as_millis();
        let chosen =
            self.due_at.compare_exchange(due_at, next, Ordering::Relaxed, Ordering::Relaxed);
        chosen.is_ok() && due_at > 0
    }
}

/// The permission to sweep. Dropping it permits the next sweep, even after a panic.
struct Running(SignInManager);

impl Running {
    fn start(manager: &SignInManager) -> Option<Self> {
        let is_running = manager.sweeper.is_running.swap(true, Ordering::AcqRel);
        (!is_running).then(|| Self(manager.clone()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.sweeper.is_running.store(false, Ordering::Release);
    }
}

impl SignInManager {
    /// Starts a sweep in the background if one is due.
    pub(super) fn sweep_if_due(&self, now: Timestamp) {
        if !self.sweeper.is_due(now)
            || self.store.bounds().is_automatic()
            || Handle::try_current().is_err()
        {
            return;
        }
        let Some(running) = Running::start(self) else { return };
        background::run("sweep", async move {
            tokio::task::yield_now().await; // continues in a task of its own
            running.0.sweep().await
        });
    }

    /// Removes all expired sign-ins, in small steps.
    async fn sweep(&self) -> Result<(), StoreError> {
        let mut total = 0;
        loop {
            let start = Instant::now();
            let expired_at = self.settings.clock.now().before(KEPT);
            let Swept { removed, more } = self.store.sweep(expired_at, STEP).await?;
            total += removed;
            if !more {
                tracing::debug!(removed = total, "expired sign-ins removed");
                return Ok(());
            }
            tokio::time::sleep(start.elapsed() * PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use async_trait::async_trait;
    use auth_core::{Lifetime, ManualClock, SignInId};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::lifetime::Deadlines;
    use crate::record::Record;
    use crate::secret::{Secret, SecretKind};
    use crate::store::{Cleanup, Store, StoreBounds};
    use crate::stores::MemoryStore;

    /// A store that has to be swept. Each step needs a permit, and removes one sign-in.
    struct OneByOne {
        inner: MemoryStore,
        permits: Arc<Semaphore>,
        steps: Arc<AtomicUsize>,
        cleanup: Cleanup,
    }

    #[async_trait]
    impl Store for OneByOne {
        crate::forward_store!(self => self.inner, except: [bounds, sweep]);

        fn bounds(&self) -> StoreBounds {
            StoreBounds::default().cleanup(self.cleanup)
        }

        async fn sweep(&self, now: Timestamp, max: usize) -> Result<Swept, StoreError> {
            assert_eq!(max, STEP);
            self.permits.acquire().await.map_err(StoreError::unavailable)?.forget();
            self.steps.fetch_add(1, Ordering::SeqCst);
            self.inner.sweep(now, 1).await
        }
    }

    struct Setup {
        manager: SignInManager,
        clock: ManualClock,
        permits: Arc<Semaphore>,
        steps: Arc<AtomicUsize>,
    }

    impl Setup {
        /// Creates a manager over a store with three sign-ins that last an hour.
        async fn new(cleanup: Cleanup) -> Self {
            let (permits, steps) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
            let clock = ManualClock::new(Timestamp::from_secs(1_000_000));
            let (inner, store_permits) = (MemoryStore::new(), Arc::clone(&permits));
            let store =
                OneByOne { inner, permits: store_permits, steps: Arc::clone(&steps), cleanup };
            let mut manager = SignInManager::new(Arc::new(store));
            manager.settings.clock = clock.clock();
            for number in 1..=3 {
                let (id, kind) = (SignInId::from_bytes([number; 16]), SecretKind::Cookie);
                let digests = Secret::generate(id).unwrap().digests(kind);
                let lifetime = Lifetime::new(None, Duration::from_secs(3600)).unwrap();
                let deadlines = Deadlines::starting(lifetime, clock.now());
                let record =
                    Record::new(id, kind, digests, Some("ada".into()), deadlines, clock.now());
                manager.store.create(record, None).await.unwrap();
            }
            Self { manager, clock, permits, steps }
        }

        fn steps(&self) -> usize {
            self.steps.load(Ordering::SeqCst)
        }

        async fn left(&self) -> usize {
            self.manager.store.list("ada").await.unwrap().len()
        }

        /// Lets other tasks run. The runtime's clock is paused, so that pauses take no time.
        async fn settle(&self) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_use_starts_a_sweep_that_continues_until_there_are_no_more() {
        let setup = Setup::new(Cleanup::Sweep).await;
        let (manager, clock) = (&setup.manager, &setup.clock);
        setup.permits.add_permits(100);
        let other = SignInId::from_bytes([9; 16]);
        manager.touch(other, clock.now());
        clock.advance(Duration::from_secs(3600));
        manager.touch(other, clock.now());
        setup.settle().await;
        assert_eq!((setup.steps(), setup.left().await), (1, 3), "another node may be slow");

        clock.advance(2 * INTERVAL);
        manager.touch(other, clock.now());
        setup.settle().await;
        assert_eq!(
            (setup.steps(), setup.left().await),
            (5, 0),
            "three steps, and one that finds none"
        );
        manager.touch(other, clock.now());
        setup.settle().await;
        assert_eq!(setup.steps(), 5, "the next one is not due yet");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_sweep_is_not_joined_by_another() {
        let setup = Setup::new(Cleanup::Sweep).await;
        let other = SignInId::from_bytes([9; 16]);
        setup.manager.touch(other, setup.clock.now());
        setup.clock.advance(Duration::from_secs(2 * 3600));
        for _ in 0..50 {
            setup.manager.touch(other, setup.clock.now());
            setup.settle().await;
            setup.clock.advance(2 * INTERVAL);
        }
        assert_eq!(setup.permits.available_permits(), 0);
        setup.permits.add_permits(1);
        setup.settle().await;
        assert_eq!(
            (setup.steps(), setup.left().await),
            (1, 2),
            "one sweep waits for its next step"
        );
        setup.permits.add_permits(100);
        setup.settle().await;
        assert_eq!(setup.steps(), 1, "the pause is four times as long as the step was");
        tokio::time::sleep(Duration::from_secs(4 * 60)).await;
        assert_eq!((setup.steps(), setup.left().await), (4, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_cleans_up_by_itself_is_not_swept() {
        let setup = Setup::new(Cleanup::Automatic).await;
        setup.permits.add_permits(100);
        for _ in 0..5 {
            setup.manager.touch(SignInId::from_bytes([9; 16]), setup.clock.now());
            setup.settle().await;
            setup.clock.advance(Duration::from_secs(3600));
        }
        assert_eq!(setup.steps(), 0);
    }
}
