//! How soon a logout at one shop is effective at the other.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::PostgresServer;

use crate::harness::{BehindNginx, Http, ProviderLogin, Service, Shop, customers};
use crate::load::{CUSTOMERS, OPTIONS, exclusive};

/// The near cache's `max_staleness`: later requests must be rejected.
const MAX_STALENESS: Duration = Duration::from_secs(2);
/// Half of them by cookie, half by token.
const LOGOUTS: u32 = 1000;

/// The URLs to log out at, and to test the credential at.
struct Route {
    logout: String,
    me: String,
    /// How many shops serve `me` in turn, and so how many rejections in a row are needed.
    shops: u32,
}

/// Logs out. Returns the time from the response to the rejection by every shop, and how many requests
/// were served meanwhile.
async fn delay(http: &Http, route: &Route, credential: &str) -> (Duration, u32) {
    for _ in 0..3 * route.shops {
        assert_eq!(http.get(&route.me, credential).await, 200, "every shop caches the sign-in");
    }
    assert_eq!(http.post(&route.logout, credential).await, 204);
    until_rejected(http, route, credential).await
}

/// The same for a logout whose response has just arrived.
async fn until_rejected(http: &Http, route: &Route, credential: &str) -> (Duration, u32) {
    let clock = Clock::system();
    let logged_out = clock.monotonic();
    let (mut served, mut rejected) = (0, 0);
    loop {
        let sent = clock.monotonic() - logged_out;
        let status = http.get(&route.me, credential).await;
        if status == 401 {
            rejected += 1;
            if rejected == route.shops {
                return (clock.monotonic() - logged_out, served);
            }
            continue;
        }
        assert_eq!(status, 200);
        assert!(sent <= MAX_STALENESS, "still served after {sent:?}");
        (served, rejected) = (served + 1, 0);
    }
}

/// Signs customers in at this shop, logs them out again, and prints the delays.
async fn measure(name: &str, route: &Route, logouts: u32, shop: &Shop) {
    let http = Http::new();
    let mut delays = Vec::new();
    for credential in customers(&http, &shop.url(""), logouts / 2).await {
        delays.push(delay(&http, route, &credential).await);
    }
    print(name, delays);
}

/// Prints delays, and how often nothing was served meanwhile.
#[allow(clippy::print_stdout)] // figures, shown with --nocapture
fn print(name: &str, mut delays: Vec<(Duration, u32)>) {
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

fn between([here, there]: &[Shop; 2]) -> Route {
    Route { logout: here.url("/logout"), me: there.url("/me"), shops: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_a_logout_reaches_the_other_shop() {
    let _exclusive = exclusive().await;
    let service = Service::redis(&OPTIONS);
    let shops = service.shops();
    measure("two shops", &between(&shops), LOGOUTS, &shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_a_logout_reaches_all_shops_behind_a_proxy() {
    let _exclusive = exclusive().await;
    let front = BehindNginx::start(&OPTIONS);
    let url = front.url();
    let route = Route { logout: format!("{url}/logout"), me: format!("{url}/me"), shops: 2 };
    measure("behind nginx", &route, LOGOUTS, &front.shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_a_logout_reaches_the_other_shop_through_postgres() {
    let _exclusive = exclusive().await;
    let service = Service::<PostgresServer>::start(&OPTIONS);
    let shops = service.shops();
    measure("through PostgreSQL", &between(&shops), LOGOUTS, &shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_reaches_a_shop_without_a_near_cache() {
    let _exclusive = exclusive().await;
    let service = Service::redis(&["--no-near-cache", "--customers", CUSTOMERS]);
    let shops = service.shops();
    measure("without a near cache", &between(&shops), 20, &shops[0]).await;
}

/// The provider calls the server at which the user has logged in, before it answers the user. The shops have the same
/// store, so they accept the session as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_provider_reaches_two_shops() {
    const LOGINS: u32 = 100; // fewer, because each takes many requests
    let _exclusive = exclusive().await;
    let service = Service::redis(&OPTIONS);
    let shops = service.shops();
    let login = ProviderLogin::start_at("localhost", &["--store", &service.server.url()]);
    let (http, clock) = (Http::new(), Clock::system());
    let (mut delays, mut whole) = ([Vec::new(), Vec::new()], Vec::new());
    let routes =
        shops.each_ref().map(|shop| Route { logout: String::new(), me: shop.url("/me"), shops: 1 });
    for number in 0..LOGINS {
        let agent = login.agent();
        login.log_in(&agent, &format!("user{number}")).await;
        let page = login.logout_page(&agent).await;
        let cookie = format!("cookie: {}", agent.cookie(&login.url("/").parse().unwrap()));
        for route in routes.iter().cycle().take(6) {
            assert_eq!(http.get(&route.me, &cookie).await, 200, "every shop caches the sign-in");
        }
        let sent = clock.monotonic();
        agent.submit(&page, &[("logout", "yes")], Some(&login.provider.issuer())).await;
        for (route, delays) in routes.iter().zip(&mut delays) {
            delays.push(until_rejected(&http, route, &cookie).await);
        }
        whole.push((clock.monotonic() - sent, 0));
    }
    let [first, second] = delays;
    print("at the provider, rejected by the first shop", first);
    print("at the provider, rejected by the second shop", second);
    print("at the provider, from the request to it until both shops rejected", whole);
}
