//! The store fails while shops run, and recovers. Each test runs on Redis, PostgreSQL and MariaDB. On MongoDB, only
//! the test with a paused server runs, because each request waits for its timeout of one second.
//!
//! Meanwhile the shops answer 503, never 401: the client keeps its credential. Afterwards they continue
//! without a restart, and everything that was acknowledged is still there.

use auth_servers::{MariaDbServer, MongoServer, PostgresServer, RedisServer};
use serde_json::json;

use crate::harness::{CACHE_MODES, Response, Server, Service, Shop, alice, until};

fn assert_unavailable(response: &Response) {
    assert_eq!(response.status, 503, "{response:?}");
    assert!(response.header("retry-after").is_some(), "{response:?}");
    assert_eq!(response.header("set-cookie"), None, "the client keeps its cookie");
    assert_eq!(response.header("www-authenticate"), None, "{response:?}");
}

/// Sends requests until one is answered with `expected`. All before must be answered with `before`.
fn until_status(shop: &Shop, credential: &str, expected: u16, before: u16) -> Response {
    until(&format!("the status is {expected}"), || {
        let response = shop.get("/me", credential);
        assert!([expected, before].contains(&response.status), "{response:?}");
        (response.status == expected).then_some(response)
    })
}

/// Checks that requests that need the store are answered with 503, and others are served.
fn assert_out_of_service(shop: &Shop, credentials: &[String]) {
    let client = shop.client();
    let tea = json!({ "item": "tea", "quantity": 1 });
    for credential in credentials {
        for path in ["/me", "/admin", "/cart", "/devices"] {
            assert_unavailable(&shop.get(path, credential));
        }
        assert_unavailable(&shop.add(credential, "tea"));
        for path in ["/logout", "/logout-everywhere"] {
            assert_unavailable(&client.post(path).header(credential).send());
        }
    }
    assert_unavailable(&client.login("alice", "wonderland"));
    assert_unavailable(&client.post("/cart").json(&tea).send());
    for path in ["/", "/healthz", "/.well-known/jwks.json"] {
        assert_eq!(client.get(path).send().status, 200, "{path}");
    }
    assert_eq!(client.get("/me").send().status, 401, "no credential, so no need for the store");
}

fn teas(shop: &Shop, credential: &str) -> u64 {
    shop.get("/cart", credential).json()["tea"].as_u64().unwrap_or(0)
}

/// Kills and restarts the server, twice.
fn down_and_up<S: Server>(options: &'static [&'static str]) {
    let mut service = Service::<S>::start(options);
    let shops = service.shops();
    let (credentials, ended) = (alice(&shops[0]), alice(&shops[0]));
    for credential in &ended {
        shops[1].log_out(credential);
    }
    for credential in &credentials {
        assert_eq!(shops[0].add(credential, "tea").status, 200);
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
        service.server.restart();
        for shop in &shops {
            for credential in &credentials {
                let me = until_status(shop, credential, 200, 503);
                assert_eq!(me.json()["subject"], "alice");
                assert_eq!(teas(shop, credential), 1);
            }
            for credential in &ended {
                assert_eq!(shop.get("/me", credential).status, 401);
            }
        }
    }
    let [here, there] = &shops;
    for credential in &credentials {
        here.log_out(credential);
        until_status(there, credential, 401, 200);
    }
}

/// Pauses the server: connections stay open and do not answer.
fn paused<S: Server>(options: &'static [&'static str]) {
    let service = Service::<S>::start(options);
    let shop = service.shop();
    let credentials = alice(&shop);
    service.server.pause();
    for credential in &credentials {
        assert_unavailable(&until_status(&shop, credential, 503, 200));
    }
    assert_unavailable(&shop.client().login("alice", "wonderland"));
    service.server.resume();
    for credential in &credentials {
        until_status(&shop, credential, 200, 503);
    }
}

/// Ends all connections again and again while shops write. What was not acknowledged may be saved or not.
fn disconnected<S: Server>(options: &'static [&'static str]) {
    let service = Service::<S>::start(options);
    let shops = service.shops();
    for credential in alice(&shops[0]) {
        let (mut acknowledged, mut sent) = (0, 0);
        for round in 0..20 {
            if round % 2 == 0 {
                service.server.disconnect_clients();
            }
            for shop in &shops {
                sent += 1;
                match shop.add(&credential, "tea").status {
                    200 => acknowledged += 1,
                    status => assert_eq!(status, 503),
                }
            }
        }
        assert!(acknowledged > 0, "the shops reconnect");
        for shop in &shops {
            until_status(shop, &credential, 200, 503);
            let saved = teas(shop, &credential);
            assert!((acknowledged..=sent).contains(&saved), "{acknowledged} to {sent}: {saved}");
        }
        until("the logout succeeds", || {
            let status = shops[0].post("/logout", &credential);
            assert!([204, 503].contains(&status), "{status}");
            (status == 204).then_some(())
        });
        service.server.disconnect_clients();
        // The notification may be lost. Then the shop reads the store after two seconds.
        until("the other shop refuses", || {
            let status = shops[1].get("/me", &credential).status;
            assert!([200, 401, 503].contains(&status), "{status}");
            (status == 401).then_some(())
        });
    }
}

macro_rules! outages_of {
    ($name:ident, $server:ident, $modes:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn shops_answer_503_until_the_store_is_restarted() {
                $modes.into_iter().for_each(down_and_up::<$server>);
            }

            #[test]
            fn shops_answer_503_while_the_store_is_paused() {
                $modes.into_iter().for_each(paused::<$server>);
            }

            #[test]
            fn acknowledged_changes_survive_lost_connections() {
                $modes.into_iter().for_each(disconnected::<$server>);
            }
        }
    };
}

outages_of!(redis, RedisServer, CACHE_MODES);
outages_of!(postgres, PostgresServer, CACHE_MODES.into_iter().take(1));
outages_of!(mariadb, MariaDbServer, CACHE_MODES.into_iter().take(1));

mod mongodb {
    use super::*;

    #[test]
    fn shops_answer_503_while_the_store_is_paused() {
        paused::<MongoServer>(&[]);
    }
}
