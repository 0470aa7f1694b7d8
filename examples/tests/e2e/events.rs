//! Open streams end with their sign-in.

use std::thread;
use std::time::Duration;

use auth_core::Clock;
use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Events, Service, Shop, Tokens, alice, until};

/// A shop that has to ask does so every second or so; the rest is for a busy machine.
const BY_ASKING: Duration = Duration::from_secs(5);
/// Much less than until it is asked again: who hears of it needs not ask.
const BY_HEARING: Duration = Duration::from_millis(300);

fn post(shop: &Shop, path: &str, credential: &str) -> u16 {
    shop.client().post(path).header(credential).send().status
}

#[test]
fn nobody_is_told_nothing() {
    let refused = Shop::start().client().get("/events").send();
    assert_eq!((refused.status, &*refused.error()), (401, "unauthorized"));
}

#[test]
fn sec_14_a_logout_in_one_shop_ends_the_streams_of_the_other() {
    for (options, median) in Service::WAYS.into_iter().zip([BY_HEARING, BY_ASKING]) {
        let service = Service::start(options);
        let ([here, there], clock) = (service.shops(), Clock::system());
        let mut times = Vec::new();
        for credential in (0..3).flat_map(|_| alice(&here)) {
            let streams = [Events::open(&here, &credential), Events::open(&there, &credential)];
            assert_eq!(post(&there, "/logout", &credential), 204);
            let out = clock.monotonic();
            for stream in streams {
                assert_eq!(stream.ended().as_deref(), Some("revoked"), "{options:?}");
            }
            times.push(clock.monotonic() - out);
        }
        times.sort_unstable();
        assert!(times[times.len() / 2] < median, "{options:?}: {times:?}");
        assert!(times[times.len() - 1] < BY_ASKING, "{options:?}: {times:?}");
    }
}

#[test]
fn sec_17_another_device_ends_the_stream_and_not_its_own() {
    let service = Service::start(&[]);
    let [here, there] = service.shops();
    let [cookie, token] = alice(&here);
    let (ends, goes_on) = (Events::open(&here, &cookie), Events::open(&there, &token));
    assert_eq!(post(&there, "/logout-others", &token), 204);
    assert_eq!(ends.ended().as_deref(), Some("revoked"));
    assert_eq!(post(&here, "/logout", &token), 204);
    assert_eq!(goes_on.ended().as_deref(), Some("revoked"));
}

#[test]
fn a_refresh_in_one_shop_leaves_the_streams_of_the_other() {
    let service = Service::start(&[]);
    let [here, there] = service.shops();
    let tokens = Tokens::of_alice_in_the_body(&here.client());
    let stream = Events::open(&there, &format!("authorization: Bearer {}", tokens.access));
    let body = json!({ "refresh_token": tokens.refresh() });
    let renewed = Tokens::of(&here.client().post("/refresh").json(&body).send());
    let credential = format!("authorization: Bearer {}", renewed.access);
    assert_eq!(post(&here, "/logout", &credential), 204);
    assert_eq!(stream.ended().as_deref(), Some("revoked"), "by the logout, not the refresh");
}

/// The access token is over long before; its sign-in is what counts.
#[test]
fn sec_08_09_a_limit_ends_the_stream() {
    let ends = |limits: [&str; 4]| {
        let shop = Shop::start_with(&limits);
        for stream in alice(&shop).map(|credential| Events::open(&shop, &credential)) {
            assert_eq!(stream.ended().as_deref(), Some("expired"), "{limits:?}");
        }
    };
    // Long enough to sign in and open both streams, with five seconds for the access token to do so.
    thread::scope(|scope| {
        scope.spawn(|| ends(["--idle", "8", "--refresh", "8"]));
        scope.spawn(|| ends(["--absolute", "8", "--access", "5"]));
    });
}

#[test]
fn sec_76_a_stream_ends_when_redis_stays_away_and_not_when_it_comes_back() {
    for options in Service::WAYS {
        let mut service = Service::start(options);
        let shop = service.shop();
        let credentials = alice(&shop);
        let streams = credentials.each_ref().map(|credential| Events::open(&shop, credential));
        service.redis.kill();
        until("the shop notices", || {
            let me = shop.client().get("/me").header(&credentials[0]).send();
            (me.status == 503).then_some(())
        });
        service.redis.start_again();
        for (stream, credential) in streams.into_iter().zip(&credentials) {
            until("it serves again", || {
                let me = shop.client().get("/me").header(credential).send();
                (me.status == 200).then_some(())
            });
            assert_eq!(post(&shop, "/logout", credential), 204);
            assert_eq!(stream.ended().as_deref(), Some("revoked"), "{options:?}");
        }

        let credentials = alice(&shop);
        let streams = credentials.each_ref().map(|credential| Events::open(&shop, credential));
        service.redis.kill();
        for stream in streams {
            assert_eq!(stream.ended().as_deref(), Some("unconfirmed"), "{options:?}");
        }
    }
}

#[test]
fn a_shop_that_stops_does_not_wait_for_streams() {
    let mut shop = Shop::start();
    let streams = alice(&shop).map(|credential| Events::open(&shop, &credential));
    let clock = Clock::system();
    let start = clock.monotonic();
    shop.process.signal(Signal::TERM);
    assert_eq!(shop.process.exit_code(), Some(0));
    assert!(clock.monotonic() - start < BY_ASKING, "not the ten seconds of what is in flight");
    for stream in streams {
        assert_eq!(stream.ended(), None, "nothing has ended but the shop");
    }
    assert!(!shop.process.stderr().contains("in flight"), "{}", shop.process.stderr());
}

/// What a copy says may be a moment old; these routes ask Redis.
#[test]
fn sec_14_a_confirmed_route_knows_of_a_logout_elsewhere_at_once() {
    let service = Service::start(&[]);
    let [here, there] = service.shops();
    for round in 0..5 {
        for credential in alice(&here) {
            assert_eq!(here.client().get("/admin").header(&credential).send().status, 403);
            assert_eq!(post(&there, "/logout", &credential), 204);
            let refused = here.client().get("/admin").header(&credential).send();
            assert_eq!(refused.status, 401, "round {round}");
            assert_eq!(post(&here, "/logout-others", &credential), 401);
        }
    }
}
