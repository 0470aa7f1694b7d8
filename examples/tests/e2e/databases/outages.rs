//! A database goes away while shops run, and comes back.

use auth_servers::{MariaDbServer, PostgresServer};

use super::service::{Service, get, log_out, put};
use crate::harness::{Database, Shop, alice, until};
use crate::redis_outages::{assert_out_of_service, assert_unavailable, until_status};

fn teas(shop: &Shop, credential: &str) -> u64 {
    get(shop, "/cart", credential).json()["tea"].as_u64().unwrap_or(0)
}

/// Killed and started again, twice: 503 meanwhile, and afterwards everything that was acknowledged
/// is there. No shop is started again.
fn while_it_is_down<S: Database>() {
    let mut service = Service::<S>::start(&[]);
    let shops = service.shops();
    let (credentials, ended) = (alice(&shops[0]), alice(&shops[0]));
    for credential in &ended {
        log_out(&shops[1], credential);
    }
    for credential in &credentials {
        assert_eq!(put(&shops[0], credential, "tea").status, 200);
        shops.iter().for_each(|shop| _ = until_status(shop, credential, 200, 200));
    }
    for _ in 0..2 {
        service.server.kill();
        for shop in &shops {
            for credential in &credentials {
                until_status(shop, credential, 503, 200);
            }
            assert_out_of_service(shop, &credentials);
        }
        service.server.start_again();
        for shop in &shops {
            for credential in &credentials {
                until_status(shop, credential, 200, 503);
                assert_eq!(teas(shop, credential), 1);
            }
            for credential in &ended {
                assert_eq!(get(shop, "/me", credential).status, 401);
            }
        }
    }
    let [here, there] = &shops;
    for credential in &credentials {
        log_out(here, credential);
        until_status(there, credential, 401, 200);
    }
}

/// Nothing is refused by connections that stay open and say nothing.
fn while_it_hangs<S: Database>() {
    let service = Service::<S>::start(&[]);
    let shop = service.shop();
    let credentials = alice(&shop);
    service.server.hang();
    for credential in &credentials {
        assert_unavailable(&until_status(&shop, credential, 503, 200));
    }
    assert_unavailable(&shop.client().login("alice", "wonderland"));
    service.server.go_on();
    for credential in &credentials {
        until_status(&shop, credential, 200, 503);
    }
}

/// Every connection is ended while shops write, again and again: what was acknowledged is there,
/// and what was not may be.
fn while_it_hangs_up<S: Database>() {
    let service = Service::<S>::start(&[]);
    let shops = service.shops();
    for credential in alice(&shops[0]) {
        let (mut acknowledged, mut tried) = (0, 0);
        for round in 0..20 {
            if round % 2 == 0 {
                service.server.hang_up();
            }
            for shop in &shops {
                tried += 1;
                match put(shop, &credential, "tea").status {
                    200 => acknowledged += 1,
                    status => assert_eq!(status, 503),
                }
            }
        }
        assert!(acknowledged > 0, "it comes back by itself");
        for shop in &shops {
            until_status(shop, &credential, 200, 503);
            let kept = teas(shop, &credential);
            assert!((acknowledged..=tried).contains(&kept), "{acknowledged} of {tried}: {kept}");
        }
        log_out(&shops[0], &credential);
        service.server.hang_up();
        // It may not have heard for as long as the bound, and then has to ask.
        until("it is known there", || {
            let status = shops[1].client().get("/me").header(&credential).send().status;
            assert!([200, 401, 503].contains(&status), "{status}");
            (status == 401).then_some(())
        });
    }
}

macro_rules! on {
    ($name:ident, $server:ident) => {
        mod $name {
            use super::*;

            #[test]
            fn while_it_is_down_nobody_is_refused_and_afterwards_all_goes_on() {
                while_it_is_down::<$server>();
            }

            #[test]
            fn one_that_hangs_is_like_one_that_is_down() {
                while_it_hangs::<$server>();
            }

            #[test]
            fn what_was_acknowledged_stands_when_connections_end() {
                while_it_hangs_up::<$server>();
            }
        }
    };
}

on!(postgres, PostgresServer);
on!(mariadb, MariaDbServer);
