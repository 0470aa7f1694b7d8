//! How soon a logout in one shop is known to the other.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::{Nginx, PostgresServer};

use crate::harness::{Http, Scratch, Service, Shop, customers as signed_in, shop_at};
use crate::load::{CUSTOMERS, alone};

/// The near cache's: what is asked later is refused.
const BOUND: Duration = Duration::from_secs(2);
/// By cookie and by token.
const LOGOUTS: u32 = 1000;

/// Where a logout is asked for, and where it is looked for.
struct Way {
    out: String,
    me: String,
    /// How many refusals in a row show that every shop there knows.
    shops: u32,
}

/// When the shops there refuse who logged out, counted from the answer to the logout on, and how
/// often they served them meanwhile.
async fn delay(http: &Http, way: &Way, credential: &str) -> (Duration, u32) {
    let clock = Clock::system();
    for _ in 0..3 * way.shops {
        assert_eq!(http.get(&way.me, credential).await, 200, "each shop there has seen it");
    }
    assert_eq!(http.post(&way.out, credential).await, 204);
    let out = clock.monotonic();
    let (mut served, mut refused) = (0, 0);
    loop {
        let asked = clock.monotonic() - out;
        let status = http.get(&way.me, credential).await;
        if status == 401 {
            refused += 1;
            if refused == way.shops {
                return (clock.monotonic() - out, served);
            }
            continue;
        }
        assert_eq!(status, 200);
        assert!(asked <= BOUND, "asked after {asked:?}, and still served");
        (served, refused) = (served + 1, 0);
    }
}

#[allow(clippy::print_stdout)] // figures, for who asks with --nocapture
async fn delays(name: &str, way: &Way, logouts: u32, shop: &Shop) {
    let http = Http::new();
    let mut delays = Vec::new();
    for credential in signed_in(&http, &shop.url(""), logouts / 2).await {
        delays.push(delay(&http, way, &credential).await);
    }
    delays.sort_unstable();
    let percentile = |percent: usize| delays[(delays.len() - 1) * percent / 100].0;
    let at_once = delays.iter().filter(|(_, served)| *served == 0).count();
    println!(
        "{name}: {} logouts: p50 {:?}, p99 {:?}, longest {:?}; {at_once} at the first request",
        delays.len(),
        percentile(50),
        percentile(99),
        percentile(100),
    );
}

fn from_one_shop_to_the_other([here, there]: &[Shop; 2]) -> Way {
    Way { out: here.url("/logout"), me: there.url("/me"), shops: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_a_logout_is_heard_by_the_other_shop() {
    let _alone = alone().await;
    let service = Service::start(&["--customers", CUSTOMERS]);
    let shops = service.shops();
    delays("two shops", &from_one_shop_to_the_other(&shops), LOGOUTS, &shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_a_logout_is_heard_by_every_shop_behind_a_proxy() {
    let _alone = alone().await;
    let service = Service::start(&["--customers", CUSTOMERS]);
    let shops = service.shops();
    let nginx = Nginx::in_front_of(&shops.each_ref().map(Shop::port));
    let url = format!("http://localhost:{}", nginx.port());
    let way = Way { out: format!("{url}/logout"), me: format!("{url}/me"), shops: 2 };
    delays("behind nginx", &way, LOGOUTS, &shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_a_logout_is_heard_by_way_of_postgres() {
    let _alone = alone().await;
    let (postgres, folder) = (PostgresServer::start(), Scratch::new());
    let shop = |()| shop_at(&postgres.url(), &folder, &["--customers", CUSTOMERS]);
    let shops = [(); 2].map(shop);
    delays("by way of PostgreSQL", &from_one_shop_to_the_other(&shops), LOGOUTS, &shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_seen_by_a_shop_without_a_near_cache() {
    let _alone = alone().await;
    let service = Service::start(&["--no-near-cache", "--customers", CUSTOMERS]);
    let shops = service.shops();
    let way = from_one_shop_to_the_other(&shops);
    delays("without a near cache", &way, 20, &shops[0]).await;
}
