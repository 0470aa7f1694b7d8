//! How many records there may be, and which anonymous ones go first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_core::SignInId;
use parking_lot::Mutex;

/// Counts the records, signed-in and anonymous ones apart, and remembers the anonymous ones in the
/// order of their creation.
pub(super) struct Room {
    most: usize,
    most_anonymous: usize,
    all: AtomicUsize,
    anonymous: AtomicUsize,
    /// May name records that are gone; they are passed over, and cleared out now and then.
    queue: Mutex<VecDeque<SignInId>>,
}

impl Room {
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

    pub(super) fn len(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// Remembers the youngest anonymous record.
    pub(super) fn remember(&self, sid: SignInId, lives: impl Fn(&SignInId) -> bool) {
        let mut queue = self.queue.lock();
        queue.push_back(sid);
        if queue.len() > 64 + 2 * self.anonymous.load(Ordering::Relaxed) {
            queue.retain(lives);
            queue.shrink_to_fit();
        }
    }

    /// The oldest anonymous record that is remembered; it is forgotten here.
    pub(super) fn oldest_anonymous(&self) -> Option<SignInId> {
        self.queue.lock().pop_front()
    }
}

fn below(count: &AtomicUsize, most: usize) -> bool {
    let next = |count: usize| (count < most).then_some(count + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}
