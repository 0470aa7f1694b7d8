//! Two shops on one database and one signing key are one service.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::{MariaDbServer, PostgresServer};
use serde_json::json;

use super::service::{Service, file, get, log_out, put};
use crate::harness::{Scratch, Shop, Tokens, alice, shop_at, until};

/// The near cache's: what is asked later is refused.
const BOUND: Duration = Duration::from_secs(2);

/// A user of one is served by the other, with the same cart, and a token of one is refreshed there.
fn share([here, there]: &[Shop; 2]) {
    for credential in alice(here) {
        let me = get(there, "/me", &credential);
        assert_eq!((me.status, &me.json()["subject"]), (200, &json!("alice")));
        assert_eq!(put(here, &credential, "tea").json(), json!({ "tea": 1 }));
        assert_eq!(put(there, &credential, "jam").json(), json!({ "jam": 1, "tea": 1 }));
    }
    let mut tokens = Tokens::of_alice_in_the_body(&here.client());
    for shop in [there, here] {
        let body = json!({ "refresh_token": tokens.refresh() });
        tokens = Tokens::of(&shop.client().post("/refresh").json(&body).send());
    }
}

/// Where nothing is kept in a shop's memory, the next request knows.
fn know_at_once([here, there]: &[Shop; 2]) {
    for credential in alice(here) {
        for _ in 0..3 {
            assert_eq!(get(there, "/me", &credential).status, 200);
        }
        log_out(here, &credential);
        assert_eq!(get(there, "/me", &credential).status, 401);
    }
}

#[test]
fn on_postgres_a_logout_is_heard_of_within_the_bound() {
    let service = Service::<PostgresServer>::start(&[]);
    let (shops, clock) = (service.shops(), Clock::system());
    share(&shops);
    let [here, there] = &shops;
    for credential in alice(here) {
        for _ in 0..3 {
            assert_eq!(get(there, "/me", &credential).status, 200);
        }
        log_out(here, &credential);
        let out = clock.monotonic();
        until("it is heard of", || {
            let asked = clock.monotonic();
            let status = get(there, "/me", &credential).status;
            assert!(status == 401 || asked - out <= BOUND, "it is still served: {status}");
            (status == 401).then_some(())
        });
    }
}

#[test]
fn on_postgres_without_the_near_cache_a_logout_is_known_at_once() {
    let service = Service::<PostgresServer>::start(&["--no-near-cache"]);
    know_at_once(&service.shops());
}

#[test]
fn on_mariadb_a_logout_is_known_at_once() {
    let service = Service::<MariaDbServer>::start(&[]);
    let shops = service.shops();
    share(&shops);
    know_at_once(&shops);
}

#[test]
fn on_one_file_of_sqlite_a_logout_is_known_at_once() {
    let folder = Scratch::new();
    let shops = [(); 2].map(|()| shop_at(&file(&folder), &folder, &[]));
    share(&shops);
    know_at_once(&shops);
}

/// What was asked for: copies of this age, and no older ones.
#[test]
fn with_stale_for_a_logout_elsewhere_is_known_when_the_copy_is_too_old() {
    const STALE: Duration = Duration::from_secs(2);
    let service = Service::<MariaDbServer>::start(&["--stale-for", "2"]);
    let ([here, there], clock) = (service.shops(), Clock::system());
    for credential in alice(&here) {
        until("a copy answers", || {
            assert_eq!(get(&there, "/me", &credential).status, 200);
            service.server.hang();
            let copied = get(&there, "/me", &credential).status == 200;
            service.server.go_on();
            copied.then_some(())
        });
        log_out(&here, &credential);
        let out = clock.monotonic();
        until("the copy is too old", || {
            let asked = clock.monotonic();
            let status = get(&there, "/me", &credential).status;
            assert!(status == 401 || asked - out < STALE, "it is still served: {status}");
            (status == 401).then_some(())
        });
    }
}
