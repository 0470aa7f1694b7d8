//! Two shops, customers, and a fault.

use std::time::Duration;

use crate::harness::{Scratch, Shop, shop_at, urls};
use crate::load::{CUSTOMERS, Figures, Load, Loss, Running, Staff};

/// How soon after a fault nobody is told to come again any more.
const RECOVERED: Duration = Duration::from_secs(10);
/// How long an answer may take, whatever it is: a store that does not answer is not waited for.
const ANSWERED: Duration = Duration::from_secs(3);
/// In MiB. Customers' passwords take next to none of it, however many processors hash them.
const MEMORY: u64 = 96;

/// Two shops, and the load of their customers.
pub(super) struct Scene {
    shops: [Shop; 2],
    staff: Staff,
    _folder: Scratch,
}

impl Scene {
    /// All reach the store at this URL.
    pub(super) async fn at(store: &str) -> Self {
        Self::with([store; 2]).await
    }

    /// Each shop reaches the store at its own URL. The staff does so at the first one.
    pub(super) async fn with(stores: [&str; 2]) -> Self {
        let folder = Scratch::new();
        let shops = stores.map(|store| shop_at(store, &folder, &["--customers", CUSTOMERS]));
        Self { shops, staff: Staff::at(stores[0]).await, _folder: folder }
    }

    /// Has a fault happen under load, and prints a line of the table.
    #[allow(clippy::print_stdout)]
    pub(super) async fn goes_through(
        &self,
        name: &str,
        loss: Loss,
        fault: impl AsyncFnOnce(&Running),
    ) -> Figures {
        let load = Load { loss, ..Load::light(urls(&self.shops), self.staff.clone()) };
        let figures = load
            .during(async |running| {
                running.goes_on().await;
                running.begins();
                fault(running).await;
                running.goes_on().await;
            })
            .await;
        let peak = self.shops.iter().map(Shop::peak).max().unwrap();
        println!("| {name} | {figures} | {peak} MiB |");
        assert!(figures.recovered < RECOVERED, "{figures:?}");
        assert!(figures.slowest < ANSWERED, "{figures:?}");
        assert!(peak < MEMORY, "{peak} MiB");
        figures
    }
}
