//! Records the history of a load from many tasks.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use parking_lot::Mutex;

use super::history::{Action, Call, Change, History, Outcome, SignIn, Span};

/// A recorder whose clones write to the same history.
#[derive(Clone)]
pub(super) struct Recorder {
    clock: Clock,
    start: Duration,
    history: Arc<Mutex<History>>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        let clock = Clock::system();
        Self { start: clock.monotonic(), clock, history: Arc::default() }
    }

    /// Returns the time since the start of the load.
    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic() - self.start
    }

    /// Records a call that was sent at this time and has just been answered.
    pub(super) fn call(
        &self,
        sign_in: SignIn,
        shop: usize,
        action: Action,
        sent: Duration,
        outcome: Outcome,
    ) {
        let call =
            Call { sign_in, shop, action, time: Span { sent, answered: self.now() }, outcome };
        self.history.lock().calls.push(call);
    }

    pub(super) fn change(&self, change: Change) {
        self.history.lock().changes.push(change);
    }

    /// Returns whether a call that was sent after `since` matches.
    pub(super) fn any_since(&self, since: Duration, matches: impl Fn(&Call) -> bool) -> bool {
        let history = self.history.lock();
        let recent = history.calls.iter().rev().take_while(|call| since < call.time.answered);
        recent.filter(|call| since < call.time.sent).any(matches)
    }

    pub(super) fn history(&self) -> History {
        self.history.lock().clone()
    }
}
