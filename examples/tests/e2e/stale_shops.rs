//! A shop that misses a logout stops serving the user within the near cache's `max_staleness`.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::{Held, Proxy};
use rustix::process::Signal;

use crate::harness::{Http, Service, Shop, alice, shop_at, until};

/// The near cache's `max_staleness`: later requests must not be served.
const MAX_STALENESS: Duration = Duration::from_secs(2);

/// Stops both directions. The connections stay open.
const EVERYTHING: Held = Held { asked: true, answered: true, first: 0 };

/// Sends requests until the shop has answered from its near cache.
async fn warm_up(http: &Http, shop: &Shop, proxy: &Proxy, credential: &str) {
    let me = shop.url("/me");
    loop {
        assert_eq!(http.get(&me, credential).await, 200);
        proxy.hold(EVERYTHING);
        let status = http.get(&me, credential).await;
        proxy.hold(Held::default());
        if status == 200 {
            return;
        }
        assert_eq!(status, 503, "it has read the store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_without_connection_to_redis_stops_serving_after_the_maximum_staleness() {
    let service = Service::redis(&[]);
    let (here, proxy) = (service.shop(), Proxy::to(service.server.port()).await);
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let (there, http, clock) = (shop_at(&url, service.folder(), &[]), Http::new(), Clock::system());
    let me = there.url("/me");
    for credential in alice(&here) {
        warm_up(&http, &there, &proxy, &credential).await;
        proxy.hold(EVERYTHING);
        assert_eq!(http.post(&here.url("/logout"), &credential).await, 204);
        let logged_out = clock.monotonic();
        let status = loop {
            let sent = clock.monotonic();
            let status = http.get(&me, &credential).await;
            if status != 200 {
                break status;
            }
            assert!(sent - logged_out <= MAX_STALENESS, "still served");
        };
        assert_eq!(status, 503, "the shop cannot tell");
        assert_eq!(http.get(&me, &credential).await, 503);
        proxy.hold(Held::default());
        until("the shop has read the store", || {
            let status = there.get("/me", &credential).status;
            assert!([401, 503].contains(&status), "{status}");
            (status == 401).then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_was_suspended_reads_the_store_first() {
    let service = Service::redis(&[]);
    let ([here, there], http, clock) = (service.shops(), Http::new(), Clock::system());
    let (me, credentials) = (there.url("/me"), alice(&here));
    for credential in &credentials {
        for _ in 0..3 {
            assert_eq!(http.get(&me, credential).await, 200);
        }
    }
    there.process.signal(Signal::STOP);
    for credential in &credentials {
        assert_eq!(http.post(&here.url("/logout"), credential).await, 204);
    }
    let logged_out = clock.monotonic();
    until("the maximum staleness is over", || {
        (clock.monotonic() - logged_out > MAX_STALENESS).then_some(())
    });
    there.process.signal(Signal::CONT);
    for credential in &credentials {
        assert_eq!(http.get(&me, credential).await, 401);
    }
}
