//! Two shops that share a database and a signing key act as one service.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::{MariaDbServer, MongoServer, PostgresServer};
use serde_json::json;

use crate::harness::{Scratch, Server, Service, Shop, Tokens, alice, shop_at, sqlite_url, until};

/// The near cache's `max_staleness`, which is also the value of `--stale-for` here.
const MAX_STALENESS: Duration = Duration::from_secs(2);

/// Checks that a sign-in at one shop is valid at the other, with the same cart, and that either shop
/// refreshes a token.
fn assert_shared([here, there]: &[Shop; 2]) {
    for credential in alice(here) {
        let me = there.get("/me", &credential);
        assert_eq!((me.status, &me.json()["subject"]), (200, &json!("alice")));
        assert_eq!(here.add(&credential, "tea").json(), json!({ "tea": 1 }));
        assert_eq!(there.add(&credential, "jam").json(), json!({ "jam": 1, "tea": 1 }));
    }
    let mut tokens = Tokens::of_alice_in_body(&here.client());
    for shop in [there, here] {
        tokens = Tokens::of(&tokens.send_refresh(&shop.client()));
    }
}

fn assert_served(shop: &Shop, credential: &str) {
    for _ in 0..3 {
        assert_eq!(shop.get("/me", credential).status, 200);
    }
}

/// Checks that a logout is effective at the next request to the other shop, because it caches nothing.
fn assert_logout_is_immediate([here, there]: &[Shop; 2]) {
    for credential in alice(here) {
        assert_served(there, &credential);
        here.log_out(&credential);
        assert_eq!(there.get("/me", &credential).status, 401);
    }
}

/// Logs out at `here`, and checks that `there` refuses requests sent later than `MAX_STALENESS`.
fn assert_logout_is_timely(here: &Shop, there: &Shop, credential: &str) {
    let clock = Clock::system();
    here.log_out(credential);
    let logged_out = clock.monotonic();
    until("the other shop refuses", || {
        let sent = clock.monotonic();
        let status = there.get("/me", credential).status;
        assert!(status == 401 || sent - logged_out <= MAX_STALENESS, "still served: {status}");
        (status == 401).then_some(())
    });
}

#[test]
fn on_postgres_a_logout_is_effective_within_the_maximum_staleness() {
    let service = Service::<PostgresServer>::start(&[]);
    let shops = service.shops();
    assert_shared(&shops);
    let [here, there] = &shops;
    for credential in alice(here) {
        assert_served(there, &credential);
        assert_logout_is_timely(here, there, &credential);
    }
}

#[test]
fn on_postgres_without_the_near_cache_a_logout_is_effective_at_once() {
    let service = Service::<PostgresServer>::start(&["--no-near-cache"]);
    assert_logout_is_immediate(&service.shops());
}

fn assert_uncached<S: Server>() {
    let service = Service::<S>::start(&[]);
    let shops = service.shops();
    assert_shared(&shops);
    assert_logout_is_immediate(&shops);
}

#[test]
fn on_mariadb_a_logout_is_effective_at_once() {
    assert_uncached::<MariaDbServer>();
}

#[test]
fn on_mongodb_a_logout_is_effective_at_once() {
    assert_uncached::<MongoServer>();
}

#[test]
fn on_one_sqlite_file_a_logout_is_effective_at_once() {
    let folder = Scratch::new();
    let shops = [(); 2].map(|()| shop_at(&sqlite_url(&folder), &folder, &[]));
    assert_shared(&shops);
    assert_logout_is_immediate(&shops);
}

#[test]
fn with_stale_for_a_logout_is_effective_when_the_cached_sign_in_expires() {
    let service = Service::<MariaDbServer>::start(&["--stale-for", "2"]);
    let [here, there] = service.shops();
    for credential in alice(&here) {
        until("the sign-in is cached", || {
            assert_eq!(there.get("/me", &credential).status, 200);
            service.server.pause();
            let cached = there.get("/me", &credential).status == 200;
            service.server.resume();
            cached.then_some(())
        });
        assert_logout_is_timely(&here, &there, &credential);
    }
}
