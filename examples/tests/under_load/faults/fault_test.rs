//! The setup of every fault test: two shops, their customers, and a fault.

use std::time::Duration;

use auth_servers::Proxy;

use crate::harness::{Scratch, Server, Shop, shop_at, urls};
use crate::load::{Figures, Load, Loss, OPTIONS, Running, Staff};

/// How soon after the fault the last 503 must be.
const RECOVERY: Duration = Duration::from_secs(10);
/// How long any response may take. The shops do not wait longer for the store.
const RESPONSE: Duration = Duration::from_secs(3);
/// In MiB. The passwords of customers take next to no memory, on any number of processors.
const MEMORY: u64 = 96;

/// Two shops, and the staff that changes roles in their store.
pub(super) struct FaultTest {
    shops: [Shop; 2],
    staff: Staff,
    _folder: Scratch,
}

impl FaultTest {
    /// Starts two shops with the store at this URL.
    pub(super) async fn new(store: &str) -> Self {
        Self::with_urls([store; 2]).await
    }

    /// Starts two shops. The first reaches the store directly, the second through the returned proxy.
    pub(super) async fn with_proxy(server: &impl Server) -> (Self, Proxy) {
        let (url, port) = (server.url(), server.port());
        let proxy = Proxy::to(port).await;
        let proxied = url.replace(&format!(":{port}"), &format!(":{}", proxy.port()));
        assert_ne!(url, proxied);
        (Self::with_urls([&url, &proxied]).await, proxy)
    }

    async fn with_urls(stores: [&str; 2]) -> Self {
        let folder = Scratch::new();
        let shops = stores.map(|store| shop_at(store, &folder, &OPTIONS));
        Self { shops, staff: Staff::connect(stores[0]).await, _folder: folder }
    }

    /// Runs the fault under load, and prints a row of the table in `docs/faults.md`.
    #[allow(clippy::print_stdout)]
    pub(super) async fn run(
        &self,
        name: &str,
        loss: Loss,
        fault: impl AsyncFnOnce(&Running),
    ) -> Figures {
        let load = Load { loss, ..Load::light(urls(&self.shops), self.staff.clone()) };
        let figures = load
            .run(async |running| {
                running.until_all_works().await;
                running.fault_begins();
                fault(running).await;
                running.until_all_works().await;
            })
            .await;
        let memory = self.shops.iter().map(Shop::peak_memory).max().unwrap();
        println!("| {name} | {figures} | {memory} MiB |");
        assert!(figures.recovered < RECOVERY, "{figures:?}");
        assert!(figures.slowest < RESPONSE, "{figures:?}");
        assert!(memory < MEMORY, "{memory} MiB");
        figures
    }
}
