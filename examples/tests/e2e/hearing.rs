//! A shop that does not hear of a logout does not go on serving the user.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::{Held, Proxy};
use rustix::process::Signal;

use crate::harness::{Http, Service, Shop, alice, shop_at, until};

/// The near cache's: what is asked later is not served.
const BOUND: Duration = Duration::from_secs(2);

/// In both directions, and nobody is told.
const EVERYTHING: Held = Held { asked: true, answered: true, first: 0 };

/// Asks until the shop has answered from its memory: the sign-in is in the near cache.
async fn warm(http: &Http, shop: &Shop, line: &Proxy, credential: &str) {
    let me = shop.url("/me");
    loop {
        assert_eq!(http.get(&me, credential).await, 200);
        line.hold(EVERYTHING);
        let status = http.get(&me, credential).await;
        line.hold(Held::default());
        if status == 200 {
            return;
        }
        assert_eq!(status, 503, "it asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_is_cut_off_from_redis_serves_nobody_after_the_bound() {
    let service = Service::start(&[]);
    let (here, line) = (service.shop(), Proxy::to(service.redis.port()).await);
    let url = format!("redis://127.0.0.1:{}", line.port());
    let (there, http, clock) = (shop_at(&url, service.folder(), &[]), Http::new(), Clock::system());
    let me = there.url("/me");
    for credential in alice(&here) {
        warm(&http, &there, &line, &credential).await;
        line.hold(EVERYTHING);
        assert_eq!(http.post(&here.url("/logout"), &credential).await, 204);
        let out = clock.monotonic();
        let status = loop {
            let asked = clock.monotonic();
            let status = http.get(&me, &credential).await;
            if status != 200 {
                break status;
            }
            assert!(asked - out <= BOUND, "it is still served");
        };
        assert_eq!(status, 503, "the shop cannot know");
        assert_eq!(http.get(&me, &credential).await, 503);
        line.hold(Held::default());
        until("the shop knows", || {
            let status = there.client().get("/me").header(&credential).send().status;
            assert!([401, 503].contains(&status), "{status}");
            (status == 401).then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_stood_still_for_longer_than_the_bound_asks_first() {
    let service = Service::start(&[]);
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
    let out = clock.monotonic();
    until("the bound is over", || (clock.monotonic() - out > BOUND).then_some(()));
    there.process.signal(Signal::CONT);
    for credential in &credentials {
        assert_eq!(http.get(&me, credential).await, 401);
    }
}
