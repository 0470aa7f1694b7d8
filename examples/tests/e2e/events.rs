//! Event streams end with their sign-in, on every shop.

use std::thread;
use std::time::Duration;

use auth_core::Clock;
use rustix::process::Signal;

use crate::harness::{CACHE_MODES, Events, Server as _, Service, Shop, Tokens, alice, until};

/// Without notifications, a shop reads the store about once a second. The rest is for a busy machine.
const BY_POLLING: Duration = Duration::from_secs(5);
/// Much less than the interval of polling: a notification has arrived.
const BY_NOTIFICATION: Duration = Duration::from_millis(300);

#[test]
fn a_stream_requires_a_sign_in() {
    let rejected = Shop::start().client().get("/events").send();
    assert_eq!((rejected.status, &*rejected.error()), (401, "unauthorized"));
}

#[test]
fn sec_14_a_logout_ends_the_streams_of_both_shops() {
    for (options, median) in CACHE_MODES.into_iter().zip([BY_NOTIFICATION, BY_POLLING]) {
        let service = Service::redis(options);
        let ([here, there], clock) = (service.shops(), Clock::system());
        let mut delays = Vec::new();
        for credential in (0..3).flat_map(|_| alice(&here)) {
            let streams = [Events::open(&here, &credential), Events::open(&there, &credential)];
            assert_eq!(there.post("/logout", &credential), 204);
            let logged_out = clock.monotonic();
            for stream in streams {
                assert_eq!(stream.ended().as_deref(), Some("revoked"), "{options:?}");
            }
            delays.push(clock.monotonic() - logged_out);
        }
        delays.sort_unstable();
        assert!(delays[delays.len() / 2] < median, "{options:?}: {delays:?}");
        assert!(delays[delays.len() - 1] < BY_POLLING, "{options:?}: {delays:?}");
    }
}

#[test]
fn sec_17_logout_others_ends_only_the_streams_of_other_devices() {
    let service = Service::redis(&[]);
    let [here, there] = service.shops();
    let [cookie, token] = alice(&here);
    let (other, own) = (Events::open(&here, &cookie), Events::open(&there, &token));
    assert_eq!(there.post("/logout-others", &token), 204);
    assert_eq!(other.ended().as_deref(), Some("revoked"));
    assert_eq!(here.post("/logout", &token), 204);
    assert_eq!(own.ended().as_deref(), Some("revoked"));
}

#[test]
fn a_refresh_does_not_end_the_streams_of_the_other_shop() {
    let service = Service::redis(&[]);
    let [here, there] = service.shops();
    let tokens = Tokens::of_alice_in_body(&here.client());
    let stream = Events::open(&there, &tokens.header());
    let refreshed = Tokens::of(&tokens.send_refresh(&here.client()));
    here.log_out(&refreshed.header());
    assert_eq!(
        stream.ended().as_deref(),
        Some("revoked"),
        "ended by the logout, not by the refresh"
    );
}

/// A stream lasts as long as its sign-in, and longer than the access token.
#[test]
fn sec_08_09_the_idle_and_absolute_limits_end_a_stream() {
    let assert_expires = |limits: [&str; 4]| {
        let shop = Shop::start_with(&limits);
        for stream in alice(&shop).map(|credential| Events::open(&shop, &credential)) {
            assert_eq!(stream.ended().as_deref(), Some("expired"), "{limits:?}");
        }
    };
    // The limits leave enough time to sign in and open both streams on a busy machine.
    thread::scope(|scope| {
        scope.spawn(|| assert_expires(["--idle", "8", "--refresh", "8"]));
        scope.spawn(|| assert_expires(["--absolute", "8", "--access", "5"]));
    });
}

#[test]
fn sec_76_a_stream_survives_a_short_outage_and_ends_in_a_long_one() {
    for options in CACHE_MODES {
        let mut service = Service::redis(options);
        let shop = service.shop();
        let credentials = alice(&shop);
        let streams = credentials.each_ref().map(|credential| Events::open(&shop, credential));
        service.server.kill();
        until("the store is unavailable", || {
            (shop.get("/me", &credentials[0]).status == 503).then_some(())
        });
        service.server.restart();
        for (stream, credential) in streams.into_iter().zip(&credentials) {
            until("the store is available", || {
                (shop.get("/me", credential).status == 200).then_some(())
            });
            assert_eq!(shop.post("/logout", credential), 204);
            assert_eq!(stream.ended().as_deref(), Some("revoked"), "{options:?}");
        }

        let credentials = alice(&shop);
        let streams = credentials.each_ref().map(|credential| Events::open(&shop, credential));
        service.server.kill();
        for stream in streams {
            assert_eq!(stream.ended().as_deref(), Some("unconfirmed"), "{options:?}");
        }
    }
}

#[test]
fn a_shutdown_does_not_wait_for_streams() {
    let mut shop = Shop::start();
    let streams = alice(&shop).map(|credential| Events::open(&shop, &credential));
    let clock = Clock::system();
    let start = clock.monotonic();
    shop.process.signal(Signal::TERM);
    assert_eq!(shop.process.exit_code(), Some(0));
    assert!(
        clock.monotonic() - start < BY_POLLING,
        "less than the ten seconds for requests in flight"
    );
    for stream in streams {
        assert_eq!(stream.ended(), None, "the sign-in has not ended");
    }
    assert!(!shop.process.stderr().contains("in flight"), "{}", shop.process.stderr());
}

/// Other routes may use a cached sign-in; revalidated routes read Redis.
#[test]
fn sec_14_a_logout_is_effective_on_revalidated_routes_at_once() {
    let service = Service::redis(&[]);
    let [here, there] = service.shops();
    for round in 0..5 {
        for credential in alice(&here) {
            assert_eq!(here.get("/admin", &credential).status, 403);
            assert_eq!(there.post("/logout", &credential), 204);
            assert_eq!(here.get("/admin", &credential).status, 401, "round {round}");
            assert_eq!(here.post("/logout-others", &credential), 401);
        }
    }
}
