//! Redis goes away while shops run, and comes back.

use serde_json::json;

use crate::harness::{Answer, Curl, Service, Shop, alice, until};

pub(crate) fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert_eq!(answer.header("set-cookie"), None, "nobody is signed out by it");
    assert_eq!(answer.header("www-authenticate"), None, "{answer:?}");
}

/// Asks until this status comes. Until then it was the other one, and never 401.
pub(crate) fn until_status(shop: &Shop, credential: &str, awaited: u16, before: u16) -> Answer {
    until(&format!("{awaited} comes"), || {
        let answer = shop.client().get("/me").header(credential).send();
        assert!([awaited, before].contains(&answer.status), "{answer:?}");
        (answer.status == awaited).then_some(answer)
    })
}

/// What needs the store says that it is not there, and what does not goes on.
pub(crate) fn assert_out_of_service(shop: &Shop, credentials: &[String]) {
    let client: Curl = shop.client();
    let tea = json!({ "item": "tea", "quantity": 1 });
    for credential in credentials {
        for path in ["/me", "/admin", "/cart", "/devices"] {
            assert_unavailable(&client.get(path).header(credential).send());
        }
        assert_unavailable(&client.post("/cart").header(credential).json(&tea).send());
        assert_unavailable(&client.post("/logout").header(credential).send());
        assert_unavailable(&client.post("/logout-everywhere").header(credential).send());
    }
    assert_unavailable(&client.login("alice", "wonderland"));
    assert_unavailable(&client.post("/cart").json(&tea).send());
    for path in ["/", "/healthz", "/.well-known/jwks.json"] {
        assert_eq!(client.get(path).send().status, 200, "{path}");
    }
    assert_eq!(client.get("/me").send().status, 401, "nobody needs no store");
}

#[test]
fn while_redis_is_down_nobody_is_refused_and_afterwards_all_goes_on() {
    for options in Service::WAYS {
        let mut service = Service::start(options);
        let shops = service.shops();
        let credentials = alice(&shops[0]);
        for credential in &credentials {
            shops.iter().for_each(|shop| _ = until_status(shop, credential, 200, 200));
        }
        for _ in 0..2 {
            service.redis.kill();
            for shop in &shops {
                for credential in &credentials {
                    until_status(shop, credential, 503, 200);
                }
                assert_out_of_service(shop, &credentials);
            }
            service.redis.start_again();
            for shop in &shops {
                for credential in &credentials {
                    let me = until_status(shop, credential, 200, 503);
                    assert_eq!(me.json()["subject"], "alice");
                }
            }
        }
        let [here, there] = &shops;
        for credential in &credentials {
            assert_eq!(here.client().post("/logout").header(credential).send().status, 204);
            until_status(there, credential, 401, 200);
        }
    }
}

/// Nothing is refused by a connection that stays open and says nothing.
#[test]
fn a_redis_that_hangs_is_like_one_that_is_down() {
    for options in Service::WAYS {
        let service = Service::start(options);
        let shop = service.shop();
        let credentials = alice(&shop);
        service.redis.hang();
        for credential in &credentials {
            assert_unavailable(&until_status(&shop, credential, 503, 200));
        }
        assert_unavailable(&shop.client().login("alice", "wonderland"));
        service.redis.go_on();
        for credential in &credentials {
            until_status(&shop, credential, 200, 503);
        }
    }
}
