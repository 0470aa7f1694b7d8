//! The sign-ins whose secret was replaced within the last minute.
//!
//! A late request with the old secret is recognized by them: on this node by [`RecentRotations`], and on
//! the others by what the store keeps. A sign-in that continues keeps the time at which its secret was
//! replaced. A cookie that another sign-in's cookie replaces leaves a marker.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use auth_core::{RequestState, SignInId, Timestamp};
use parking_lot::Mutex;

use super::roll_back::{Step, delete};
use super::sign_in_manager::SignInManager;
use crate::record::Record;

/// How long a request with the old secret may take to arrive.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// The maximum number of sign-ins that are remembered.
const MAX_ENTRIES: usize = 16_384;

/// The sign-ins whose secret this node has replaced within the last minute. The browser has a newer
/// cookie, or is about to receive it, so a late request with the old cookie must not get another one,
/// which would overwrite the newer cookie.
#[derive(Debug, Default)]
pub(super) struct RecentRotations(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    rotations: HashMap<SignInId, RecentRotation>,
    order: VecDeque<(SignInId, Timestamp)>,
}

#[derive(Debug)]
struct RecentRotation {
    at: Timestamp,
    /// How often the refresh was repeated since.
    repeats: u32,
}

impl Recent {
    fn insert(&mut self, id: SignInId, now: Timestamp) {
        self.rotations.insert(id, RecentRotation { at: now, repeats: 0 });
        self.order.push_back((id, now));
        let is_past = |(_, at): &(SignInId, Timestamp)| now.since(*at) > WINDOW;
        while self.order.len() > MAX_ENTRIES || self.order.front().is_some_and(is_past) {
            let Some((oldest, at)) = self.order.pop_front() else { break };
            if self.rotations.get(&oldest).is_some_and(|rotation| rotation.at == at) {
                self.rotations.remove(&oldest);
            }
        }
    }
}

impl RecentRotations {
    pub(super) fn add(&self, id: SignInId, now: Timestamp) {
        self.0.lock().insert(id, now);
    }

    pub(super) fn has(&self, id: &SignInId, now: Timestamp) -> bool {
        self.0.lock().rotations.get(id).is_some_and(|rotation| now.since(rotation.at) <= WINDOW)
    }

    /// Forgets a rotation that was undone.
    fn remove(&self, id: &SignInId, at: Timestamp) {
        let rotations = &mut self.0.lock().rotations;
        if rotations.get(id).is_some_and(|rotation| rotation.at == at) {
            rotations.remove(id);
        }
    }

    /// Counts a repeated refresh, and returns how many this node has seen since the secret was
    /// replaced, and within the last minute. The secret may have been replaced by another node.
    pub(super) fn count_repeat(&self, id: SignInId, now: Timestamp) -> u32 {
        let recent = &mut *self.0.lock();
        let known = recent.rotations.get(&id).is_some_and(|it| now.since(it.at) <= WINDOW);
        if !known {
            recent.insert(id, now);
        }
        let rotation = recent.rotations.entry(id);
        let rotation = rotation.or_insert(RecentRotation { at: now, repeats: 0 });
        rotation.repeats += 1;
        rotation.repeats
    }
}

impl SignInManager {
    /// Remembers that the secret of a sign-in is replaced, before other requests can see it, unless the new
    /// one is not delivered.
    pub(super) fn remember_rotation(&self, state: &RequestState, id: SignInId, now: Timestamp) {
        self.recent_rotations.add(id, now);
        let recent = Arc::clone(&self.recent_rotations);
        state.roll_back_unless_delivered(move || recent.remove(&id, now));
    }

    /// Leaves a marker that the cookie of this sign-in is replaced by a newer one or signed out, by which every node
    /// recognizes a late request with it. Call this before its sign-in ends, or while it ends. The marker is deleted
    /// if the response is not delivered. If it cannot be stored, this node still recognizes the request.
    pub(super) async fn leave_marker(&self, state: &RequestState, id: SignInId, now: Timestamp) {
        self.remember_rotation(state, id, now);
        let marker = Record::marker(self.store.marker_id(&id), now, now + WINDOW);
        let (store, marker_id) = (Arc::clone(&self.store), marker.id);
        state.roll_back_unless_delivered(move || delete(&store, marker_id, Step::Unanswered));
        if let Err(error) = self.store.create(marker, None).await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(sign_in = %id, error, "marker of a replaced cookie not stored");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_from_the_last_rotation() {
        let (recent, id) = (RecentRotations::default(), SignInId::from_bytes([1; 16]));
        let at = Timestamp::from_secs;
        assert_eq!(recent.count_repeat(id, at(1)), 1, "another node has replaced the secret");
        assert_eq!(recent.count_repeat(id, at(2)), 2);
        recent.add(id, at(3));
        assert_eq!(recent.count_repeat(id, at(4)), 1);
        recent.add(SignInId::from_bytes([2; 16]), at(64));
        assert_eq!(recent.count_repeat(id, at(64)), 1, "it was forgotten after a minute");
        assert_eq!(recent.count_repeat(id, at(124)), 2);
        assert_eq!(recent.count_repeat(id, at(125)), 1, "and without another rotation, too");
    }
}
