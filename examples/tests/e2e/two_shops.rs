//! Two shops with one store and one signing key are one service.

use auth_servers::{RedisCluster, RedisSentinels, RedisServer};
use auth_session::SessionAuth;
use auth_store::RedisStore;
use examples::users::User;
use serde_json::{Value, json};

use crate::harness::{Answer, Http, Scratch, Service, Shop, Tokens, alice, shop_at, until};

fn get(shop: &Shop, path: &str, credential: &str) -> Answer {
    shop.client().get(path).header(credential).send()
}

fn put(shop: &Shop, credential: &str, item: &str) -> Answer {
    let item = json!({ "item": item, "quantity": 1 });
    shop.client().post("/cart").header(credential).json(&item).send()
}

#[test]
fn a_user_of_one_shop_is_served_by_the_other() {
    for options in Service::WAYS {
        let service = Service::start(options);
        let [here, there] = service.shops();
        for (credential, scheme) in alice(&here).iter().zip(["session", "jwt"]) {
            let (me, as_here) = (get(&there, "/me", credential), get(&here, "/me", credential));
            assert_eq!((me.status, &me.body), (200, &as_here.body), "{options:?}");
            assert_eq!(
                (&me.json()["subject"], &me.json()["scheme"]),
                (&json!("alice"), &json!(scheme))
            );
            assert_eq!(get(&there, "/admin", credential).status, 403);
            let devices = get(&there, "/devices", credential).json();
            assert_eq!(devices.as_array().unwrap().len(), 2);
        }
        let jwks = |shop: &Shop| shop.client().get("/.well-known/jwks.json").send().body;
        assert_eq!(jwks(&here), jwks(&there));
    }
}

fn are_one_service([here, there]: &[Shop; 2]) {
    for credential in alice(here) {
        assert_eq!(put(here, &credential, "tea").json(), json!({ "tea": 1 }));
        assert_eq!(get(there, "/cart", &credential).json(), json!({ "tea": 1 }));
        assert_eq!(there.client().post("/logout").header(&credential).send().status, 204);
        until("it has ended here", || (get(here, "/me", &credential).status == 401).then_some(()));
    }
}

#[test]
fn sentinels_and_a_cluster_are_stores_too() {
    let (sentinels, cluster) = (RedisSentinels::start(), RedisCluster::start());
    for url in [sentinels.url(), cluster.url()] {
        for options in Service::WAYS {
            let folder = Scratch::new();
            are_one_service(&[(); 2].map(|()| shop_at(&url, &folder, options)));
        }
    }
}

#[test]
fn a_token_of_one_shop_is_refreshed_by_the_other() {
    for options in Service::WAYS {
        let service = Service::start(options);
        let [here, there] = service.shops();
        let mut tokens = Tokens::of_alice_in_the_body(&here.client());
        for shop in [&there, &here, &there] {
            let body = json!({ "refresh_token": tokens.refresh() });
            tokens = Tokens::of(&shop.client().post("/refresh").json(&body).send());
            let token = format!("authorization: Bearer {}", tokens.access);
            assert_eq!(get(&here, "/me", &token).json()["subject"], "alice");
        }
    }
}

#[test]
fn the_cart_of_a_visitor_goes_along_from_shop_to_shop() {
    for options in Service::WAYS {
        let service = Service::start(options);
        let [here, there] = service.shops();
        let visitor = here.device();
        let tea = json!({ "item": "tea", "quantity": 1 });
        assert_eq!(visitor.post("/cart").json(&tea).send().status, 200);
        let cookie = visitor.cookie().unwrap();
        assert_eq!(put(&there, &cookie, "jam").json(), json!({ "jam": 1, "tea": 1 }));
        until("it is seen here", || {
            (get(&here, "/cart", &cookie).json() == json!({ "jam": 1, "tea": 1 })).then_some(())
        });
        assert_eq!(visitor.login("alice", "wonderland").status, 200);
        let cart = get(&there, "/cart", &visitor.cookie().unwrap()).json();
        assert_eq!(cart, json!({ "jam": 1, "tea": 1 }), "the user has it now");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn additions_in_both_shops_at_once_are_all_kept() {
    for options in Service::WAYS {
        let service = Service::start(options);
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
                until("every addition is seen", || {
                    (get(shop, "/cart", &credential).json() == json!({ "tea": 100 })).then_some(())
                });
            }
        }
    }
}

/// A program of the shop's staff, which has the store and nothing else.
async fn promote_alice(redis: &RedisServer) -> usize {
    let staff = SessionAuth::new(RedisStore::connect(redis.url()).await.unwrap());
    let roles = ["buyer".into(), "admin".into()];
    staff
        .claims::<User>()
        .update_claims("alice", &roles, &User::named("Queen Alice"))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_roles_and_names_are_seen_by_both_shops() {
    for options in Service::WAYS {
        let service = Service::start(options);
        let (shops, credentials) = (service.shops(), alice(&service.shop()));
        let each = || shops.iter().flat_map(|shop| credentials.iter().map(move |one| (shop, one)));
        for (shop, credential) in each() {
            assert_eq!(get(shop, "/admin", credential).status, 403);
        }
        assert_eq!(promote_alice(&service.redis).await, 2);
        for (shop, credential) in each() {
            until("she is an admin", || {
                let status = get(shop, "/admin", credential).status;
                assert!([200, 403].contains(&status), "{status}");
                (status == 200).then_some(())
            });
            let me = until("her name is new", || {
                let me = get(shop, "/me", credential).json();
                (me["display_name"] == "Queen Alice").then_some(me)
            });
            assert_eq!(me["roles"], json!(["buyer", "admin"]));
        }
    }
}

#[test]
fn a_shop_that_starts_again_knows_its_users() {
    for options in Service::WAYS {
        let service = Service::start(options);
        let mut shop = service.shop();
        let credentials = alice(&shop);
        for credential in &credentials {
            assert_eq!(put(&shop, credential, "tea").status, 200);
        }
        shop.process.signal(rustix::process::Signal::TERM);
        assert_eq!(shop.process.exit_code(), Some(0), "{}", shop.process.stderr());
        let again = service.shop();
        for credential in &credentials {
            assert_eq!(get(&again, "/me", credential).json()["subject"], "alice");
            assert_eq!(get(&again, "/cart", credential).json(), json!({ "tea": 1 }));
        }
    }
}

#[test]
fn a_shop_without_the_signing_key_says_so_and_refuses_the_others_tokens() {
    let service = Service::start(&[]);
    let other = Shop::start_with(&["--store", &service.redis.url()]);
    assert!(other.process.stderr().contains("--signing-key"), "{}", other.process.stderr());
    let [cookie, token] = alice(&service.shop());
    assert_eq!(get(&other, "/me", &cookie).status, 200);
    assert_eq!(get(&other, "/me", &token).status, 401);
}

/// How many commands Redis has run.
fn commands(redis: &RedisServer) -> u64 {
    redis.info("stats", "total_commands_processed").unwrap().parse().unwrap()
}

/// Whatever the shops say to Redis by themselves, it is much less than one command per request.
#[tokio::test(flavor = "multi_thread")]
async fn the_near_cache_answers_unless_it_is_turned_off() {
    const REQUESTS: u64 = 1000;
    for (options, near) in Service::WAYS.into_iter().zip([true, false]) {
        let service = Service::start(options);
        let (shop, http) = (service.shop(), Http::new());
        for credential in alice(&shop) {
            let me = shop.url("/me");
            until("the cache is warm", || {
                let before = commands(&service.redis);
                (0..20).for_each(|_| assert_eq!(get(&shop, "/me", &credential).status, 200));
                (!near || commands(&service.redis) - before < 20).then_some(())
            });
            let before = commands(&service.redis);
            for _ in 0..REQUESTS {
                assert_eq!(http.get(&me, &credential).await, 200);
            }
            let asked = commands(&service.redis) - before;
            assert_eq!(asked < REQUESTS / 2, near, "{options:?}: {asked} commands");
        }
    }
}

#[test]
fn a_visitor_who_keeps_nothing_writes_nothing() {
    let service = Service::start(&["--no-near-cache"]);
    let shop = service.shop();
    let keys = || service.redis.info("keyspace", "db0");
    let before = keys();
    for path in ["/", "/cart", "/me", "/healthz"] {
        let answer = shop.client().get(path).send();
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
    assert_eq!(keys(), before, "nothing was written");
    let refused: Value = shop.client().get("/me").send().json();
    assert_eq!(refused["error"], "unauthorized");
}
