//! A logout in one shop ends the sign-in in the other.

use std::time::Duration;

use auth_core::Clock;
use serde_json::json;

use crate::harness::{Curl, Http, Service, Shop, Tokens, alice};

/// The near cache's: what is asked later is refused.
const BOUND: Duration = Duration::from_secs(2);

/// Waits until the other shop refuses this header.
async fn refused(http: &Http, there: &Shop, credential: &str) {
    let (clock, me) = (Clock::system(), there.url("/me"));
    let start = clock.monotonic();
    loop {
        let asked = clock.monotonic() - start;
        if http.get(&me, credential).await == 401 {
            return;
        }
        assert!(asked <= BOUND, "asked after {asked:?}, and still served");
    }
}

/// What one shop does ends these sign-ins in the other.
async fn ends(options: &'static [&'static str], end: impl Fn(&Curl, &[String; 2])) {
    let service = Service::start(options);
    let ([here, there], http) = (service.shops(), Http::new());
    let credentials = alice(&here);
    for credential in &credentials {
        assert_eq!(http.get(&there.url("/me"), credential).await, 200);
    }
    end(&here.client(), &credentials);
    for credential in &credentials {
        refused(&http, &there, credential).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_everywhere_is_heard_by_the_other_shop() {
    for options in Service::WAYS {
        let everywhere = |here: &Curl, [cookie, _]: &[String; 2]| {
            assert_eq!(here.post("/logout-everywhere").header(cookie).send().status, 204);
        };
        ends(options, everywhere).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_are_ended_are_refused_by_the_other_shop() {
    for options in Service::WAYS {
        let both = |here: &Curl, [cookie, token]: &[String; 2]| {
            let devices = here.get("/devices").header(token).send().json();
            for of_token in [true, false] {
                let mut devices = devices.as_array().unwrap().iter();
                let device = devices.find(|one| one["current"] == of_token).unwrap();
                let end = format!("/devices/{}", device["sign_in"].as_str().unwrap());
                assert_eq!(here.delete(&end).header(cookie).send().status, 204);
            }
        };
        ends(options, both).await;
    }
}

/// The old secret, and the old refresh token's whole sign-in if somebody uses it twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_replaced_is_refused_by_the_other_shop() {
    for options in Service::WAYS {
        let service = Service::start(options);
        let ([here, there], http) = (service.shops(), Http::new());
        let browser = here.device();
        browser.login("alice", "wonderland");
        let old = browser.cookie().unwrap();
        assert_eq!(http.get(&there.url("/me"), &old).await, 200);
        assert_eq!(browser.post("/refresh").send().status, 200);
        refused(&http, &there, &old).await;
        assert_eq!(http.get(&there.url("/me"), &browser.cookie().unwrap()).await, 200);

        let first = Tokens::of_alice_in_the_body(&here.client());
        let renew = |shop: &Shop, tokens: &Tokens| {
            let body = json!({ "refresh_token": tokens.refresh() });
            shop.client().post("/refresh").json(&body).send()
        };
        let second = Tokens::of(&renew(&there, &first));
        let third = Tokens::of(&renew(&here, &second));
        assert_eq!(renew(&there, &first).status, 401, "somebody has a copy of it");
        for tokens in [&second, &third] {
            refused(&http, &here, &format!("authorization: Bearer {}", tokens.access)).await;
        }
    }
}
