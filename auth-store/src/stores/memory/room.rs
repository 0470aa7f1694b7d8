//! How many records there may be, and which anonymous ones go first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_core::SignInId;
use parking_lot::{Mutex, MutexGuard};

/// Counts the records, signed-in and anonymous ones apart, and remembers the anonymous ones in the
/// order of their creation.
pub(super) struct Capacity {
    most: usize,
    most_anonymous: usize,
    all: AtomicUsize,
    anonymous: AtomicUsize,
    /// May name records that are gone; they are passed over, and cleared out now and then.
    queue: Mutex<VecDeque<SignInId>>,
}

impl Capacity {
    pub(super) fn new(most: usize, most_anonymous: usize) -> Self {
        let (all, anonymous) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { most, most_anonymous, all, anonymous, queue: Mutex::default() }
    }

    /// Takes a place, if there is one.
    pub(super) fn take(&self, anonymous: bool) -> bool {
        if anonymous && !below(&self.anonymous, self.most_anonymous) {
            return false;
        }
        if below(&self.all, self.most) {
            return true;
        }
        if anonymous {
            self.anonymous.fetch_sub(1, Ordering::Relaxed);
        }
        false
    }

    /// Gives a place back.
    pub(super) fn give_back(&self, anonymous: bool) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        if anonymous {
            self.anonymous.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether the next record may find no place.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.most || self.anonymous.load(Ordering::Relaxed) >= self.most_anonymous
    }

    pub(super) fn len(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// The anonymous records, oldest first. While it is held, none is added.
    pub(super) fn queue(&self) -> MutexGuard<'_, VecDeque<SignInId>> {
        self.queue.lock()
    }

    /// Clears out the records that are gone, once they are more than the others.
    pub(super) fn tidy(&self, queue: &mut VecDeque<SignInId>, lives: impl Fn(&SignInId) -> bool) {
        if queue.len() > 64 + 2 * self.anonymous.load(Ordering::Relaxed) {
            queue.retain(lives);
            queue.shrink_to_fit();
        }
    }
}

fn below(count: &AtomicUsize, most: usize) -> bool {
    let next = |count: usize| (count < most).then_some(count + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}
