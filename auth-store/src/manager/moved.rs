//! Secrets that a sign-in has just replaced.

use std::collections::VecDeque;
use std::time::Duration;

use auth_core::{SignInId, Timestamp};
use parking_lot::Mutex;

/// How long a request may be on its way.
const LATE: Duration = Duration::from_secs(60);
/// How many are remembered at most.
const MOST: usize = 4096;

/// The records whose secret a sign-in on this node replaced a moment ago. The browser has a newer
/// cookie, or is about to get it, so a late request with the old one must not be given another.
#[derive(Debug, Default)]
pub(super) struct Moved(Mutex<VecDeque<(SignInId, Timestamp)>>);

impl Moved {
    pub(super) fn add(&self, sid: SignInId, now: Timestamp) {
        let mut moved = self.0.lock();
        moved.push_back((sid, now));
        while moved.len() > MOST || moved.front().is_some_and(|(_, at)| now.since(*at) > LATE) {
            moved.pop_front();
        }
    }

    pub(super) fn has(&self, sid: &SignInId, now: Timestamp) -> bool {
        self.0.lock().iter().rev().any(|(moved, at)| moved == sid && now.since(*at) <= LATE)
    }
}
