//! Secrets that were replaced a moment ago.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use auth_core::{SignInId, Timestamp};
use parking_lot::Mutex;

/// How long a request may be on its way.
const LATE: Duration = Duration::from_secs(60);
/// How many are remembered at most.
const MOST: usize = 16_384;

/// The records whose secret this node replaced a moment ago. The browser has a newer cookie, or is
/// about to get it, so a late request with the old one must not be given another.
#[derive(Debug, Default)]
pub(super) struct RecentRotations(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    when: HashMap<SignInId, Timestamp>,
    order: VecDeque<(SignInId, Timestamp)>,
}

impl RecentRotations {
    pub(super) fn add(&self, sid: SignInId, now: Timestamp) {
        let Recent { when, order } = &mut *self.0.lock();
        when.insert(sid, now);
        order.push_back((sid, now));
        let over = |(_, at): &(SignInId, Timestamp)| now.since(*at) > LATE;
        while order.len() > MOST || order.front().is_some_and(over) {
            let Some((oldest, at)) = order.pop_front() else { break };
            if when.get(&oldest) == Some(&at) {
                when.remove(&oldest);
            }
        }
    }

    pub(super) fn has(&self, sid: &SignInId, now: Timestamp) -> bool {
        self.0.lock().when.get(sid).is_some_and(|at| now.since(*at) <= LATE)
    }
}
