//! A load that is under way, for whoever has something happen to it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::crowd::Crowd;
use super::history::{Answer, Call, Deed};

/// Within this time everything has to go on after a fault.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it does.
const PAUSE: Duration = Duration::from_millis(20);

/// A load that is under way.
pub(crate) struct Running {
    client: Client,
    numbers: Numbers,
    fault: Mutex<Range<Duration>>,
}

/// Customers who have not been there. A clone gives out the same ones.
#[derive(Clone)]
pub(super) struct Numbers(Arc<AtomicU32>);

impl Numbers {
    pub(super) fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Running {
    pub(super) fn new(client: Client) -> Self {
        let numbers = Numbers(Arc::new(AtomicU32::new(1)));
        Self { client, numbers, fault: Mutex::default() }
    }

    pub(super) fn numbers(&self) -> Numbers {
        self.numbers.clone()
    }

    pub(super) fn fault(&self) -> Range<Duration> {
        self.fault.lock().clone()
    }

    /// So many more customers, whom all shops have served.
    pub(crate) async fn crowd(&self, customers: u32) -> Crowd {
        let numbers = (0..customers).map(|_| self.numbers.next());
        Crowd::gather(self.client.clone(), numbers).await
    }

    /// Waits until every shop does everything, and customers of before have been in and out.
    ///
    /// # Panics
    /// If that takes longer than half a minute.
    pub(crate) async fn goes_on(&self) {
        let since = self.client.record.now();
        let done = |deed: Deed, shop: Option<usize>| {
            self.client.record.any_since(since, |call: &Call| {
                call.deed == deed && call.answer.done() && shop.is_none_or(|shop| shop == call.shop)
            })
        };
        let all = || {
            let each = (0..self.client.shops.len()).all(|shop| {
                [Deed::Look, Deed::Cart, Deed::Add].iter().all(|deed| done(*deed, Some(shop)))
            });
            each && done(Deed::SignIn, None) && done(Deed::Logout, None)
        };
        self.until("everything goes on", all).await;
    }

    /// Waits until a request is answered with 503.
    pub(crate) async fn is_noticed(&self) {
        let since = self.client.record.now();
        let unavailable = |call: &Call| call.answer == Answer::Unavailable;
        self.until("somebody is told", || self.client.record.any_since(since, unavailable)).await;
    }

    /// Waits until somebody logs out.
    pub(crate) async fn lets_out(&self) {
        let since = self.client.record.now();
        let out = |call: &Call| call.deed == Deed::Logout && call.answer.done();
        self.until("somebody logs out", || self.client.record.any_since(since, out)).await;
    }

    /// The fault begins.
    pub(crate) fn begins(&self) {
        self.fault.lock().start = self.client.record.now();
    }

    /// The fault is over.
    pub(crate) fn is_over(&self) {
        self.fault.lock().end = self.client.record.now();
    }

    async fn until(&self, event: &str, is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited until {event}"));
    }
}
