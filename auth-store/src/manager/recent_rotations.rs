//! The sign-ins whose secret this node has replaced within the last minute.
//!
//! A late request with the old secret is recognized by them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use auth_core::{SignInId, Timestamp};
use parking_lot::Mutex;

/// How long a request with the old secret may take to arrive.
const WINDOW: Duration = Duration::from_secs(60);
/// The maximum number of sign-ins that are remembered.
const MAX_ENTRIES: usize = 16_384;

/// The sign-ins whose secret this node has replaced within the last minute. The browser has a newer
/// cookie, or is about to receive it, so a late request with the old cookie must not get another one,
/// which would overwrite the newer cookie.
#[derive(Debug, Default)]
pub(super) struct RecentRotations(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    when: HashMap<SignInId, Timestamp>,
    order: VecDeque<(SignInId, Timestamp)>,
}

impl RecentRotations {
    pub(super) fn add(&self, id: SignInId, now: Timestamp) {
        let Recent { when, order } = &mut *self.0.lock();
        when.insert(id, now);
        order.push_back((id, now));
        let is_past = |(_, at): &(SignInId, Timestamp)| now.since(*at) > WINDOW;
        while order.len() > MAX_ENTRIES || order.front().is_some_and(is_past) {
            let Some((oldest, at)) = order.pop_front() else { break };
            if when.get(&oldest) == Some(&at) {
                when.remove(&oldest);
            }
        }
    }

    pub(super) fn has(&self, id: &SignInId, now: Timestamp) -> bool {
        self.0.lock().when.get(id).is_some_and(|at| now.since(*at) <= WINDOW)
    }
}
