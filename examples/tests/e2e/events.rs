//! Open streams end with their sign-in.

use std::time::Duration;

use auth_core::Clock;
use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Browser, Events, Service, Shop, Tokens, alice, until};

/// Much less than it takes to notice by asking now and then, on a machine that is busy.
const PROMPTLY: Duration = Duration::from_secs(5);

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
    for options in Service::WAYS {
        let service = Service::start(options);
        let [here, there] = service.shops();
        for credential in alice(&here) {
            let streams = [Events::open(&here, &credential), Events::open(&there, &credential)];
            let clock = Clock::system();
            let start = clock.monotonic();
            assert_eq!(post(&there, "/logout", &credential), 204);
            for stream in streams {
                assert_eq!(stream.ended().as_deref(), Some("revoked"), "{options:?}");
            }
            let took = clock.monotonic() - start;
            assert!(took < PROMPTLY, "{options:?}: {took:?}");
        }
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
    for limits in [["--idle", "5", "--refresh", "5"], ["--absolute", "5", "--access", "2"]] {
        let shop = Shop::start_with(&limits);
        for stream in alice(&shop).map(|credential| Events::open(&shop, &credential)) {
            assert_eq!(stream.ended().as_deref(), Some("expired"), "{limits:?}");
        }
    }
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
    assert!(clock.monotonic() - start < PROMPTLY, "not the ten seconds of what is in flight");
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

#[test]
fn the_page_says_that_its_sign_in_was_ended_elsewhere() {
    for kind in ["session", "jwt"] {
        let shop = Shop::start_with(&["--auth", kind]);
        let browser = Browser::start();
        browser.go(&shop.url("/"));
        browser.write("#login [name=username]", "alice");
        browser.write("#login [name=password]", "wonderland");
        browser.click("#login button");
        browser.reads("#who", "Alice (buyer) is signed in.");
        let token = Tokens::of_alice(&shop.client()).access;
        assert_eq!(post(&shop, "/logout-others", &format!("authorization: Bearer {token}")), 204);
        browser.reads("#message", "This sign-in has ended: revoked.");
        browser.reads("#who", "Nobody is signed in.");
        assert!(browser.sees("#login") && !browser.sees("#account"));
    }
}
