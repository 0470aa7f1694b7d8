//! A logout in one shop ends the sign-in in the other.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::{Nginx, PostgresServer};
use serde_json::json;

use crate::harness::{
    Curl, Http, Scratch, Service, Shop, Tokens, alice, customers as signed_in, shop_at,
};
use crate::load::{CUSTOMERS, alone};

/// The near cache's bound is two seconds; the rest is for a busy machine.
const BOUND: Duration = Duration::from_secs(3);

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
        let status = http.get(&way.me, credential).await;
        let passed = clock.monotonic() - out;
        if status == 401 {
            refused += 1;
            if refused == way.shops {
                return (passed, served);
            }
            continue;
        }
        assert_eq!(status, 200);
        assert!(passed < BOUND, "still served after {passed:?}");
        (served, refused) = (served + 1, 0);
    }
}

#[allow(clippy::print_stdout)] // figures, for who asks with --nocapture
async fn delays(name: &str, way: &Way, customers: u32, shop: &Shop) {
    let http = Http::new();
    let mut delays = Vec::new();
    for credential in signed_in(&http, &shop.url(""), customers).await {
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
    delays("two shops", &from_one_shop_to_the_other(&shops), 500, &shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_a_logout_is_heard_by_every_shop_behind_a_proxy() {
    let _alone = alone().await;
    let service = Service::start(&["--customers", CUSTOMERS]);
    let shops = service.shops();
    let nginx = Nginx::in_front_of(&shops.each_ref().map(Shop::port));
    let url = format!("http://localhost:{}", nginx.port());
    let way = Way { out: format!("{url}/logout"), me: format!("{url}/me"), shops: 2 };
    delays("behind nginx", &way, 250, &shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_a_logout_is_heard_by_way_of_postgres() {
    let _alone = alone().await;
    let (postgres, folder) = (PostgresServer::start(), Scratch::new());
    let shop = |()| shop_at(&postgres.url(), &folder, &["--customers", CUSTOMERS]);
    let shops = [(); 2].map(shop);
    delays("by way of PostgreSQL", &from_one_shop_to_the_other(&shops), 250, &shops[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_seen_by_a_shop_without_a_near_cache() {
    let service = Service::start(&["--no-near-cache", "--customers", CUSTOMERS]);
    let shops = service.shops();
    let way = from_one_shop_to_the_other(&shops);
    delays("without a near cache", &way, 10, &shops[0]).await;
}

/// Waits until the other shop refuses this header.
async fn refused(http: &Http, there: &Shop, credential: &str) {
    let (clock, me) = (Clock::system(), there.url("/me"));
    let start = clock.monotonic();
    while http.get(&me, credential).await != 401 {
        assert!(clock.monotonic() - start < BOUND, "it is still served");
    }
}

/// What one shop does ends these sign-ins in the other.
async fn ends(options: &'static [&'static str], end: impl Fn(&Curl, &[String; 2])) {
    let service = Service::start(options);
    let ([here, there], http) = (service.shops(), Http::new());
    let credentials = alice(&here);
    for credential in &credentials {
        assert_eq!(http.get(&there.url("/me"), credential).await, 200);
    }
    end(&here.client(), &credentials);
    for credential in &credentials {
        refused(&http, &there, credential).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_everywhere_is_heard_by_the_other_shop() {
    for options in Service::WAYS {
        let everywhere = |here: &Curl, [cookie, _]: &[String; 2]| {
            assert_eq!(here.post("/logout-everywhere").header(cookie).send().status, 204);
        };
        ends(options, everywhere).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_are_ended_are_refused_by_the_other_shop() {
    for options in Service::WAYS {
        let both = |here: &Curl, [cookie, token]: &[String; 2]| {
            let devices = here.get("/devices").header(token).send().json();
            for of_token in [true, false] {
                let mut devices = devices.as_array().unwrap().iter();
                let device = devices.find(|one| one["current"] == of_token).unwrap();
                let end = format!("/devices/{}", device["sign_in"].as_str().unwrap());
                assert_eq!(here.delete(&end).header(cookie).send().status, 204);
            }
        };
        ends(options, both).await;
    }
}

/// The old secret, and the old refresh token's whole sign-in if somebody uses it twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_replaced_is_refused_by_the_other_shop() {
    for options in Service::WAYS {
        let service = Service::start(options);
        let ([here, there], http) = (service.shops(), Http::new());
        let browser = here.device();
        browser.login("alice", "wonderland");
        let old = browser.cookie().unwrap();
        assert_eq!(http.get(&there.url("/me"), &old).await, 200);
        assert_eq!(browser.post("/refresh").send().status, 200);
        refused(&http, &there, &old).await;
        assert_eq!(http.get(&there.url("/me"), &browser.cookie().unwrap()).await, 200);

        let first = Tokens::of_alice_in_the_body(&here.client());
        let renew = |shop: &Shop, tokens: &Tokens| {
            let body = json!({ "refresh_token": tokens.refresh() });
            shop.client().post("/refresh").json(&body).send()
        };
        let second = Tokens::of(&renew(&there, &first));
        let third = Tokens::of(&renew(&here, &second));
        assert_eq!(renew(&there, &first).status, 401, "somebody has a copy of it");
        for tokens in [&second, &third] {
            refused(&http, &here, &format!("authorization: Bearer {}", tokens.access)).await;
        }
    }
}
