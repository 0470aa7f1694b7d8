//! Runs a load while a fault happens, and checks its history.

use std::env;
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::sync::{Mutex, MutexGuard, watch};

use super::checker::{Guarantees, Loss, Violation, check};
use super::client::Client;
use super::customer::{CustomerContext, Stay};
use super::figures::Figures;
use super::history::History;
use super::recorder::Recorder;
use super::running::{CustomerIds, Running};
use super::staff::Staff;
use crate::harness::Http;

/// More customers than any load needs.
pub(crate) const CUSTOMERS: &str = "100000";
/// The options of a shop that has customers.
pub(crate) const OPTIONS: [&str; 4] = ["--customers", CUSTOMERS, "--inspector", "off"];
/// The near cache's `max_staleness`.
const MAX_STALENESS: Duration = Duration::from_secs(2);

/// Waits until no other test of this binary runs. Otherwise the tests would measure each other.
pub(crate) async fn exclusive() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// The parameters of a load.
pub(crate) struct Load {
    /// The URLs of the shops, or of a proxy in front of them.
    pub(crate) shops: Vec<String>,
    pub(crate) staff: Staff,
    /// The number of customers at a time.
    pub(crate) customers: u32,
    /// The mean pause between two requests of one client. A customer has two clients for each URL.
    pub(crate) pause: Duration,
    pub(crate) loss: Loss,
}

impl Load {
    /// Creates a load that leaves the machine enough time for faults.
    pub(crate) fn light(shops: Vec<String>, staff: Staff) -> Self {
        let pause = Duration::from_millis(60);
        Self { shops, staff, customers: 9, pause, loss: Loss::Nothing }
    }

    /// Runs the load until `fault` returns, and checks what the customers have seen.
    ///
    /// # Panics
    ///
    /// Panics if there is a violation.
    pub(crate) async fn run(self, fault: impl AsyncFnOnce(&Running)) -> Figures {
        let loss = self.loss;
        let Run { history, fault, closed } = self.record(fault).await;
        let violations = check(&history, &Guarantees::after(MAX_STALENESS, loss, &fault));
        assert!(violations.is_empty(), "{}: {violations:#?}", violations.len());
        // Strict guarantees are violated only by the losses that the fault explains.
        let losses = check(&history, &Guarantees::strict(MAX_STALENESS));
        Figures::of(&history, &losses, &fault, closed)
    }

    /// Runs the load on a service that is broken, and returns the violations.
    pub(crate) async fn violations(self, fault: impl AsyncFnOnce(&Running)) -> Vec<Violation> {
        check(&self.record(fault).await.history, &Guarantees::strict(MAX_STALENESS))
    }

    /// Runs the load. The environment variable `LOAD_SEED` repeats the choices of an earlier run.
    #[allow(clippy::print_stdout)] // shown if the test fails
    async fn record(self, fault: impl AsyncFnOnce(&Running)) -> Run {
        let seed = env::var("LOAD_SEED");
        let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
        println!("LOAD_SEED={seed}");
        let (close, closing) = watch::channel(false);
        let (http, recorder) = (Http::new(), Recorder::new());
        let client = Client { http, shops: self.shops.into(), recorder: recorder.clone() };
        let running = Running::new(client.clone());
        let context = CustomerContext {
            client,
            staff: self.staff,
            pause: self.pause,
            max_staleness: MAX_STALENESS,
            closing,
        };
        let mut rng = Rng::with_seed(seed);
        let visits: Vec<_> = (0..self.customers)
            .map(|number| {
                let stay = if number % 3 == 0 { Stay::Long } else { Stay::Brief };
                let ids = running.ids();
                tokio::spawn(run_customers(context.clone(), ids, stay, rng.fork()))
            })
            .collect();
        fault(&running).await;
        let closed = recorder.now();
        close.send_replace(true);
        for visit in join_all(visits).await {
            visit.unwrap();
        }
        Run { history: recorder.history(), fault: running.fault(), closed }
    }
}

/// A completed load.
struct Run {
    history: History,
    fault: Range<Duration>,
    /// When the customers left.
    closed: Duration,
}

/// Runs one customer after the other.
async fn run_customers(context: CustomerContext, ids: CustomerIds, stay: Stay, mut rng: Rng) {
    while !*context.closing.borrow() {
        context.clone().visit(ids.next(), stay, rng.fork()).await;
    }
}
