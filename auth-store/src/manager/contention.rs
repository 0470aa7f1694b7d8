//! Writers of one sign-in: [`KeyedLocks`], by which those on this node take turns, and [`Backoff`], the pauses between
//! the retries of a compare-and-swap.
//!
//! The locks only cover this node. Between nodes, the compare-and-swap of the store decides. The pauses grow and are
//! random, so that writers on different nodes rarely collide again.

use std::collections::vec_deque::VecDeque;
use std::time::Duration;

use auth_core::{AuthError, AuthErrorKind, SignInId};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::striped::{Striped, hash};

/// How many tables there are. A table is locked for a moment only.
const TABLES: usize = 64;
/// How many retries follow without a pause. Two writers that collide by chance rarely collide again.
const AT_ONCE: u32 = 2;
/// The upper bound of the first pause; it doubles with each retry.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The upper bound of every pause. It is short, so that a writer that has waited long is not slower
/// than one that has just begun.
const LONGEST_PAUSE: Duration = Duration::from_millis(16);
/// How long a writer waits for its turn, and how long it retries, including the time that the store takes.
const TIMEOUT: Duration = Duration::from_secs(3);

/// One lock per sign-in, for as long as it is held. Writers of one sign-in on this node wait for each
/// other, in the order of their arrival, and for no other writers. Without the locks, all but one of
/// their compare-and-swaps would fail and be retried.
#[derive(Debug)]
pub(crate) struct KeyedLocks(Striped<Mutex<HashTable<Held>>>);

/// A lock that is held, and the writers that wait for it.
#[derive(Debug)]
struct Held {
    id: SignInId,
    waiting: VecDeque<oneshot::Sender<()>>,
}

impl Default for KeyedLocks {
    fn default() -> Self {
        Self(Striped::new(TABLES))
    }
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct LockGuard<'a> {
    locks: &'a KeyedLocks,
    id: SignInId,
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        self.locks.release(&self.id);
    }
}

/// A place in the queue of a lock.
struct Turn<'a> {
    locks: &'a KeyedLocks,
    id: SignInId,
    granted: oneshot::Receiver<()>,
}

/// Passes the lock on if it was granted to a writer that has given up.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.granted.close();
        if self.granted.try_recv().is_ok() {
            self.locks.release(&self.id);
        }
    }
}

impl KeyedLocks {
    /// Waits for the lock of a sign-in.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) after three seconds.
    pub(crate) async fn lock(&self, id: &SignInId) -> Result<LockGuard<'_>, AuthError> {
        match self.enqueue(id) {
            None => Ok(LockGuard { locks: self, id: *id }),
            Some(turn) => Box::pin(self.wait(turn)).await, // boxed because it is large and rare
        }
    }

    async fn wait<'a>(&'a self, mut turn: Turn<'a>) -> Result<LockGuard<'a>, AuthError> {
        let granted = if Handle::try_current().is_err() {
            Ok((&mut turn.granted).await) // without a runtime there is no timer
        } else {
            timeout(TIMEOUT, &mut turn.granted).await
        };
        match granted {
            Ok(Ok(())) => Ok(LockGuard { locks: self, id: turn.id }),
            Ok(Err(_)) | Err(_) => {
                let timed_out = "timed out waiting for other writers";
                Err(AuthError::new(AuthErrorKind::Unavailable, timed_out))
            }
        }
    }

    /// Takes the lock if it is free. Otherwise returns a place in its queue.
    fn enqueue(&self, id: &SignInId) -> Option<Turn<'_>> {
        let mut table = self.0.of(id).lock();
        match table.entry(hash(id), |held| held.id == *id, |held| hash(&held.id)) {
            Entry::Vacant(free) => {
                free.insert(Held { id: *id, waiting: VecDeque::new() });
                None
            }
            Entry::Occupied(mut held) => {
                let (grant, granted) = oneshot::channel();
                held.get_mut().waiting.push_back(grant);
                Some(Turn { locks: self, id: *id, granted })
            }
        }
    }

    /// Passes the lock to the next writer that still waits, or frees it.
    fn release(&self, id: &SignInId) {
        let mut table = self.0.of(id).lock();
        let Ok(mut held) = table.find_entry(hash(id), |held| held.id == *id) else { return };
        while let Some(next) = held.get_mut().waiting.pop_front() {
            if next.send(()).is_ok() {
                return;
            }
        }
        held.remove();
    }
}

/// The retries of one writer. Writers on one node [take turns](KeyedLocks), so it competes with at
/// most one writer per node.
#[derive(Debug)]
pub(crate) struct Backoff {
    tries: u32,
    since: Instant,
}

impl Backoff {
    /// Starts the timeout, before the first try.
    pub(crate) fn new() -> Self {
        Self { tries: 0, since: Instant::now() }
    }

    /// Pauses before the next try, for a random time, so that writers that collided do not collide
    /// again.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) three seconds after the first try.
    pub(crate) async fn pause(&mut self) -> Result<(), AuthError> {
        self.tries += 1;
        if self.since.elapsed() > TIMEOUT {
            let conflicts = "timed out because other writers kept changing the sign-in";
            return Err(AuthError::new(AuthErrorKind::Unavailable, conflicts));
        }
        let Some(doublings) = self.tries.checked_sub(AT_ONCE + 1) else { return Ok(()) };
        let most = (FIRST_PAUSE * (1 << doublings.min(10))).min(LONGEST_PAUSE);
        // Without randomness, every writer pauses for as long as possible.
        let part = getrandom::u32().unwrap_or(u32::MAX);
        let pause = most.mul_f64(f64::from(part) / f64::from(u32::MAX));
        // Stores that nodes share need a runtime. Without one, the store is in this process, and a
        // conflict is short.
        if Handle::try_current().is_ok() {
            Box::pin(tokio::time::sleep(pause)).await; // boxed because it is large and rare
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SignInId = SignInId::from_bytes([7; 16]);

    #[tokio::test(start_paused = true)]
    async fn a_waiter_gives_up_after_the_timeout() {
        let locks = KeyedLocks::default();
        let first = locks.lock(&ID).await.expect("the lock is free");
        let error = locks.lock(&ID).await.expect_err("the first guard is still held");
        assert_eq!(error.kind(), AuthErrorKind::Unavailable);
        drop(first);
        assert!(locks.lock(&ID).await.is_ok());
    }

    /// The fault: two sign-ins shared a lock if one byte of their ids was equal.
    #[tokio::test]
    async fn only_writers_of_the_same_sign_in_wait() {
        let locks = KeyedLocks::default();
        let mut guards = Vec::new();
        for first in 0..=255 {
            let mut id = [7; 16];
            id[0] = first;
            let id = SignInId::from_bytes(id);
            tokio::select! {
                biased;
                guard = locks.lock(&id) => guards.push(guard.unwrap()),
                () = std::future::ready(()) => panic!("it waits for another sign-in"),
            }
        }
        drop(guards);
        assert!(locks.0.all().iter().all(|table| table.lock().is_empty()), "no lock is left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_waiter_passes_the_lock_on() {
        let locks = KeyedLocks::default();
        let first = locks.lock(&ID).await.unwrap();
        let (cancelled, granted) = (locks.enqueue(&ID).unwrap(), locks.enqueue(&ID).unwrap());
        let last = locks.lock(&ID);
        tokio::pin!(last);
        assert!(poll_once(&mut last).await.is_none());
        drop(cancelled);
        drop(first); // grants the lock to the second waiter
        drop(granted);
        assert!(last.await.is_ok());
    }

    /// For fast and slow stores.
    #[tokio::test(start_paused = true)]
    async fn retries_end_after_the_timeout_and_pauses_are_short() {
        for trip in [0, 1, 100] {
            let trip = Duration::from_millis(trip);
            let (mut backoff, mut times) = (Backoff::new(), 0);
            let start = Instant::now();
            while backoff.pause().await.is_ok() {
                tokio::time::sleep(trip).await;
                times += 1;
                assert!(times < 5_000, "the retries never end");
            }
            let took = start.elapsed();
            assert!(times * (trip + LONGEST_PAUSE) > TIMEOUT - LONGEST_PAUSE, "{times} tries");
            assert!(took <= TIMEOUT + trip + LONGEST_PAUSE + Duration::from_millis(2), "{took:?}");
        }
    }

    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
