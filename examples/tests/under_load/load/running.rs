//! A running load, as a fault test sees it: waits for what customers experience, and marks the fault.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::crowd::Crowd;
use super::history::{Action, Call, Outcome};

/// How long to wait until everything works after a fault.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The interval of the checks.
const PAUSE: Duration = Duration::from_millis(20);

/// A running load.
pub(crate) struct Running {
    client: Client,
    ids: CustomerIds,
    fault: Mutex<Range<Duration>>,
}

/// The numbers of new customers. Clones share the counter.
#[derive(Clone)]
pub(super) struct CustomerIds(Arc<AtomicU32>);

impl CustomerIds {
    pub(super) fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Running {
    pub(super) fn new(client: Client) -> Self {
        let ids = CustomerIds(Arc::new(AtomicU32::new(1)));
        Self { client, ids, fault: Mutex::default() }
    }

    pub(super) fn ids(&self) -> CustomerIds {
        self.ids.clone()
    }

    pub(super) fn fault(&self) -> Range<Duration> {
        self.fault.lock().clone()
    }

    /// Adds customers whose sign-ins all shops have cached.
    pub(crate) async fn crowd(&self, customers: u32) -> Crowd {
        let ids = (0..customers).map(|_| self.ids.next());
        Crowd::sign_in(self.client.clone(), ids).await
    }

    /// Waits until every shop has served reads and additions, and customers have signed in and out.
    ///
    /// # Panics
    ///
    /// Panics if that takes longer than 30 seconds.
    pub(crate) async fn until_all_works(&self) {
        let since = self.client.recorder.now();
        let succeeded = |action: Action, shop: Option<usize>| {
            self.client.recorder.any_since(since, |call: &Call| {
                call.action == action
                    && call.outcome.succeeded()
                    && shop.is_none_or(|shop| shop == call.shop)
            })
        };
        let all = || {
            let each = (0..self.client.shops.len()).all(|shop| {
                [Action::Me, Action::ReadCart, Action::AddToCart]
                    .iter()
                    .all(|action| succeeded(*action, Some(shop)))
            });
            each && succeeded(Action::SignIn, None) && succeeded(Action::Logout, None)
        };
        self.until("everything works", all).await;
    }

    /// Waits until a request is answered with 503.
    pub(crate) async fn until_unavailable(&self) {
        let since = self.client.recorder.now();
        let unavailable = |call: &Call| call.outcome == Outcome::Unavailable;
        self.until("a request is answered with 503", || {
            self.client.recorder.any_since(since, unavailable)
        })
        .await;
    }

    /// Waits until a logout succeeds.
    pub(crate) async fn until_logout(&self) {
        let since = self.client.recorder.now();
        let out = |call: &Call| call.action == Action::Logout && call.outcome.succeeded();
        self.until("a logout succeeds", || self.client.recorder.any_since(since, out)).await;
    }

    /// Marks the beginning of the fault.
    pub(crate) fn fault_begins(&self) {
        self.fault.lock().start = self.client.recorder.now();
    }

    /// Marks the end of the fault.
    pub(crate) fn fault_ends(&self) {
        self.fault.lock().end = self.client.recorder.now();
    }

    async fn until(&self, event: &str, condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                sleep(PAUSE).await;
            }
        };
        timeout(TIMEOUT, wait).await.unwrap_or_else(|_| panic!("timed out waiting until {event}"));
    }
}
