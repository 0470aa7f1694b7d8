//! The load: it begins, something happens, it ends, and it is judged.

use std::env;
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::sync::{Mutex, MutexGuard, watch};

use super::client::Client;
use super::customer::{Place, Stay};
use super::figures::Figures;
use super::history::History;
use super::judge::{Violation, judge};
use super::record::Record;
use super::running::{Numbers, Running};
use super::staff::Staff;
use super::terms::{Loss, Terms};
use crate::harness::Http;

/// More customers than any load has.
pub(crate) const CUSTOMERS: &str = "100000";
/// The bound of the near cache.
const LEASE: Duration = Duration::from_secs(2);

/// Only one load at a time: the machine is to be busy with its own.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// What is to be done.
pub(crate) struct Load {
    /// The URLs of the shops, or of what stands in front of them.
    pub(crate) shops: Vec<String>,
    pub(crate) staff: Staff,
    /// How many customers there are at a time.
    pub(crate) customers: u32,
    /// The mean pause between two requests of one place. A customer has four.
    pub(crate) pause: Duration,
    pub(crate) loss: Loss,
}

impl Load {
    /// A little of everything: that much is left to the machine.
    pub(crate) fn light(shops: Vec<String>, staff: Staff) -> Self {
        let pause = Duration::from_millis(60);
        Self { shops, staff, customers: 9, pause, loss: Loss::Nothing }
    }

    /// Has customers use the shops while something happens, and judges what they saw.
    ///
    /// # Panics
    /// If anything was seen that must not be.
    pub(crate) async fn during(self, happens: impl AsyncFnOnce(&Running)) -> Figures {
        let loss = self.loss;
        let Seen { history, fault, closed } = self.seen(happens).await;
        let found = judge(&history, &Terms::after(LEASE, loss, &fault));
        assert!(found.is_empty(), "{}: {found:#?}", found.len());
        // What the fault was allowed to take is all that is left.
        let lost = judge(&history, &Terms::strict(LEASE));
        Figures::of(&history, &lost, &fault, closed)
    }

    /// Has customers use a service that does what it must not, and says what was found.
    pub(crate) async fn found(self, happens: impl AsyncFnOnce(&Running)) -> Vec<Violation> {
        judge(&self.seen(happens).await.history, &Terms::strict(LEASE))
    }

    /// `LOAD_SEED` in the environment repeats the customers' choices.
    #[allow(clippy::print_stdout)] // shown if it fails
    async fn seen(self, happens: impl AsyncFnOnce(&Running)) -> Seen {
        let seed = env::var("LOAD_SEED");
        let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
        println!("LOAD_SEED={seed}");
        let (close, closing) = watch::channel(false);
        let (http, record) = (Http::new(), Record::new());
        let client = Client { http, shops: self.shops.into(), record: record.clone() };
        let running = Running::new(client.clone());
        let place = Place { client, staff: self.staff, pause: self.pause, lease: LEASE, closing };
        let mut rng = Rng::with_seed(seed);
        let visits: Vec<_> = (0..self.customers)
            .map(|number| {
                let stay = if number % 3 == 0 { Stay::Long } else { Stay::Brief };
                let numbers = running.numbers();
                tokio::spawn(comes_again(place.clone(), numbers, stay, rng.fork()))
            })
            .collect();
        happens(&running).await;
        let closed = record.now();
        close.send_replace(true);
        for context in join_all(visits).await {
            context.unwrap();
        }
        Seen { history: record.history(), fault: running.fault(), closed }
    }
}

/// What there is to judge.
struct Seen {
    history: History,
    fault: Range<Duration>,
    /// When customers went.
    closed: Duration,
}

/// One customer after the other.
async fn comes_again(place: Place, numbers: Numbers, stay: Stay, mut rng: Rng) {
    while !*place.closing.borrow() {
        place.clone().context(numbers.next(), stay, rng.fork()).await;
    }
}
