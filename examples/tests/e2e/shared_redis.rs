//! Two shops that share Redis and a signing key act as one service.

use auth_servers::{RedisCluster, RedisSentinels, RedisServer};
use auth_session::SessionAuth;
use auth_store::RedisStore;
use examples::users::User;
use serde_json::{Value, json};

use crate::harness::{CACHE_MODES, Http, Scratch, Service, Shop, Tokens, alice, shop_at, until};

#[test]
fn a_sign_in_at_one_shop_is_valid_at_the_other() {
    for options in CACHE_MODES {
        let service = Service::redis(options);
        let [here, there] = service.shops();
        for (credential, scheme) in alice(&here).iter().zip(["session", "jwt"]) {
            let (me, as_here) = (there.get("/me", credential), here.get("/me", credential));
            assert_eq!((me.status, &me.body), (200, &as_here.body), "{options:?}");
            assert_eq!(
                (&me.json()["subject"], &me.json()["scheme"]),
                (&json!("alice"), &json!(scheme))
            );
            assert_eq!(there.get("/admin", credential).status, 403);
            let devices = there.get("/devices", credential).json();
            assert_eq!(devices.as_array().unwrap().len(), 2);
        }
        let jwks = |shop: &Shop| shop.client().get("/.well-known/jwks.json").send().body;
        assert_eq!(jwks(&here), jwks(&there));
    }
}

fn assert_one_service([here, there]: &[Shop; 2]) {
    for credential in alice(here) {
        assert_eq!(here.add(&credential, "tea").json(), json!({ "tea": 1 }));
        assert_eq!(there.get("/cart", &credential).json(), json!({ "tea": 1 }));
        there.log_out(&credential);
        until("the sign-in has ended here", || {
            (here.get("/me", &credential).status == 401).then_some(())
        });
    }
}

#[test]
fn shops_share_sentinels_and_a_cluster_too() {
    let (sentinels, cluster) = (RedisSentinels::start(), RedisCluster::start());
    for url in [sentinels.url(), cluster.url()] {
        for options in CACHE_MODES {
            let folder = Scratch::new();
            assert_one_service(&[(); 2].map(|()| shop_at(&url, &folder, options)));
        }
    }
}

#[test]
fn either_shop_refreshes_a_token() {
    for options in CACHE_MODES {
        let service = Service::redis(options);
        let [here, there] = service.shops();
        let mut tokens = Tokens::of_alice_in_body(&here.client());
        for shop in [&there, &here, &there] {
            tokens = Tokens::of(&tokens.send_refresh(&shop.client()));
            assert_eq!(here.get("/me", &tokens.header()).json()["subject"], "alice");
        }
    }
}

#[test]
fn both_shops_share_the_cart_of_a_visitor() {
    for options in CACHE_MODES {
        let service = Service::redis(options);
        let [here, there] = service.shops();
        let visitor = here.device();
        let tea = json!({ "item": "tea", "quantity": 1 });
        assert_eq!(visitor.post("/cart").json(&tea).send().status, 200);
        let cookie = visitor.cookie().unwrap();
        assert_eq!(there.add(&cookie, "jam").json(), json!({ "jam": 1, "tea": 1 }));
        until("the addition is visible here", || {
            (here.get("/cart", &cookie).json() == json!({ "jam": 1, "tea": 1 })).then_some(())
        });
        assert_eq!(visitor.login("alice", "wonderland").status, 200);
        let cart = there.get("/cart", &visitor.cookie().unwrap()).json();
        assert_eq!(cart, json!({ "jam": 1, "tea": 1 }), "the user's cart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_additions_at_both_shops_are_all_kept() {
    for options in CACHE_MODES {
        let service = Service::redis(options);
        let (shops, http) = (service.shops(), Http::new());
        for credential in alice(&shops[0]) {
            let tea = json!({ "item": "tea", "quantity": 1 });
            let calls: Vec<_> = (0..100)
                .map(|n| {
                    let (http, url) = (http.clone(), shops[n % 2].url("/cart"));
                    let (credential, tea) = (credential.clone(), tea.clone());
                    tokio::spawn(async move { http.post_json(&url, &credential, &tea).await })
                })
                .collect();
            for call in calls {
                assert_eq!(call.await.unwrap(), 200, "{options:?}");
            }
            for shop in &shops {
                until("all additions are visible", || {
                    (shop.get("/cart", &credential).json() == json!({ "tea": 100 })).then_some(())
                });
            }
        }
    }
}

/// Updates Alice's roles and name as an administration program does, which has only the store.
async fn promote_alice(redis: &RedisServer) -> usize {
    let staff = SessionAuth::new(RedisStore::connect(redis.url()).await.unwrap());
    let claims = User::named("Queen Alice");
    staff.claims::<User>().update_claims("alice", &["buyer", "admin"], &claims).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn updated_roles_and_claims_reach_both_shops() {
    for options in CACHE_MODES {
        let service = Service::redis(options);
        let (shops, credentials) = (service.shops(), alice(&service.shop()));
        let each = || shops.iter().flat_map(|shop| credentials.iter().map(move |one| (shop, one)));
        for (shop, credential) in each() {
            assert_eq!(shop.get("/admin", credential).status, 403);
        }
        assert_eq!(promote_alice(&service.server).await, 2);
        for (shop, credential) in each() {
            until("Alice is an admin", || {
                let status = shop.get("/admin", credential).status;
                assert!([200, 403].contains(&status), "{status}");
                (status == 200).then_some(())
            });
            let me = until("the name is updated", || {
                let me = shop.get("/me", credential).json();
                (me["display_name"] == "Queen Alice").then_some(me)
            });
            assert_eq!(me["roles"], json!(["buyer", "admin"]));
        }
    }
}

#[test]
fn sign_ins_survive_a_restart_of_the_shop() {
    for options in CACHE_MODES {
        let service = Service::redis(options);
        let mut shop = service.shop();
        let credentials = alice(&shop);
        for credential in &credentials {
            assert_eq!(shop.add(credential, "tea").status, 200);
        }
        shop.process.signal(rustix::process::Signal::TERM);
        assert_eq!(shop.process.exit_code(), Some(0), "{}", shop.process.stderr());
        let again = service.shop();
        for credential in &credentials {
            assert_eq!(again.get("/me", credential).json()["subject"], "alice");
            assert_eq!(again.get("/cart", credential).json(), json!({ "tea": 1 }));
        }
    }
}

#[test]
fn a_shop_with_another_signing_key_warns_and_rejects_tokens() {
    let service = Service::redis(&[]);
    let other = Shop::start_with(&["--store", &service.server.url()]);
    assert!(other.process.stderr().contains("--signing-key"), "{}", other.process.stderr());
    let [cookie, token] = alice(&service.shop());
    assert_eq!(other.get("/me", &cookie).status, 200);
    assert_eq!(other.get("/me", &token).status, 401);
}

/// Returns how many commands Redis has processed.
fn commands(redis: &RedisServer) -> u64 {
    redis.info("stats", "total_commands_processed").unwrap().parse().unwrap()
}

/// Commands that a shop sends without a request are far fewer than the requests.
#[tokio::test(flavor = "multi_thread")]
async fn the_near_cache_answers_requests_unless_it_is_disabled() {
    const REQUESTS: u64 = 1000;
    for (options, cached) in CACHE_MODES.into_iter().zip([true, false]) {
        let service = Service::redis(options);
        let (shop, http) = (service.shop(), Http::new());
        for credential in alice(&shop) {
            let me = shop.url("/me");
            until("the cache is warm", || {
                let before = commands(&service.server);
                (0..20).for_each(|_| assert_eq!(shop.get("/me", &credential).status, 200));
                (!cached || commands(&service.server) - before < 20).then_some(())
            });
            let before = commands(&service.server);
            for _ in 0..REQUESTS {
                assert_eq!(http.get(&me, &credential).await, 200);
            }
            let sent = commands(&service.server) - before;
            assert_eq!(sent < REQUESTS / 2, cached, "{options:?}: {sent} commands");
        }
    }
}

#[test]
fn a_visitor_who_only_reads_stores_nothing() {
    let service = Service::redis(&["--no-near-cache"]);
    let shop = service.shop();
    let keys = || service.server.info("keyspace", "db0");
    let before = keys();
    for path in ["/", "/cart", "/me", "/healthz"] {
        let response = shop.client().get(path).send();
        assert_eq!(response.header("set-cookie"), None, "{path}");
    }
    assert_eq!(keys(), before, "nothing was written");
    let rejected: Value = shop.client().get("/me").send().json();
    assert_eq!(rejected["error"], "unauthorized");
}
