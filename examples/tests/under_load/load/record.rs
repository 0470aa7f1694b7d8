//! The history while it is written.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use parking_lot::Mutex;

use super::history::{Answer, Call, Change, Deed, History, SignIn};

/// A clone is the same record.
#[derive(Clone)]
pub(super) struct Record {
    clock: Clock,
    start: Duration,
    history: Arc<Mutex<History>>,
}

impl Record {
    pub(super) fn new() -> Self {
        let clock = Clock::system();
        Self { start: clock.monotonic(), clock, history: Arc::default() }
    }

    /// The time since the start.
    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic() - self.start
    }

    /// A request that was sent at this time has just been answered.
    pub(super) fn call(
        &self,
        sign_in: SignIn,
        shop: usize,
        deed: Deed,
        sent: Duration,
        answer: Answer,
    ) {
        let call = Call { sign_in, shop, deed, sent, answered: self.now(), answer };
        self.history.lock().calls.push(call);
    }

    pub(super) fn change(&self, change: Change) {
        self.history.lock().changes.push(change);
    }

    /// Whether a call that was sent after this time fits.
    pub(super) fn any_since(&self, since: Duration, fits: impl Fn(&Call) -> bool) -> bool {
        let history = self.history.lock();
        let recent = history.calls.iter().rev().take_while(|call| since < call.answered);
        recent.filter(|call| since < call.sent).any(fits)
    }

    pub(super) fn history(&self) -> History {
        self.history.lock().clone()
    }
}
