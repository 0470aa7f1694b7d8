//! A sign-in that one shop ends is rejected by the other.

use std::time::Duration;

use auth_core::Clock;

use crate::harness::{CACHE_MODES, Curl, Http, Service, Shop, Tokens, alice};

/// The near cache's `max_staleness`: later requests must be rejected.
const MAX_STALENESS: Duration = Duration::from_secs(2);

/// Waits until the other shop rejects this credential.
async fn until_rejected(http: &Http, there: &Shop, credential: &str) {
    let (clock, me) = (Clock::system(), there.url("/me"));
    let start = clock.monotonic();
    loop {
        let sent = clock.monotonic() - start;
        if http.get(&me, credential).await == 401 {
            return;
        }
        assert!(sent <= MAX_STALENESS, "still served after {sent:?}");
    }
}

/// Lets `end` end two sign-ins at one shop, and waits until the other rejects both.
async fn assert_ends(options: &'static [&'static str], end: impl Fn(&Curl, &[String; 2])) {
    let service = Service::redis(options);
    let ([here, there], http) = (service.shops(), Http::new());
    let credentials = alice(&here);
    for credential in &credentials {
        assert_eq!(http.get(&there.url("/me"), credential).await, 200);
    }
    end(&here.client(), &credentials);
    for credential in &credentials {
        until_rejected(&http, &there, credential).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_everywhere_reaches_the_other_shop() {
    for options in CACHE_MODES {
        let everywhere = |here: &Curl, [cookie, _]: &[String; 2]| {
            assert_eq!(here.post("/logout-everywhere").header(cookie).send().status, 204);
        };
        assert_ends(options, everywhere).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_rejected_by_the_other_shop() {
    for options in CACHE_MODES {
        let both = |here: &Curl, [cookie, token]: &[String; 2]| {
            let devices = here.get("/devices").header(token).send().json();
            for of_token in [true, false] {
                let mut devices = devices.as_array().unwrap().iter();
                let device = devices.find(|one| one["current"] == of_token).unwrap();
                let end = format!("/devices/{}", device["sign_in"].as_str().unwrap());
                assert_eq!(here.delete(&end).header(cookie).send().status, 204);
            }
        };
        assert_ends(options, both).await;
    }
}

/// This applies to the old secret of a session, and to the whole sign-in if a refresh token is reused.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_secret_is_rejected_by_the_other_shop() {
    for options in CACHE_MODES {
        let service = Service::redis(options);
        let ([here, there], http) = (service.shops(), Http::new());
        let browser = here.device();
        browser.login("alice", "wonderland");
        let old = browser.cookie().unwrap();
        assert_eq!(http.get(&there.url("/me"), &old).await, 200);
        // After a refresh, the old cookie would be accepted for ten seconds. After a sign-in, it is not.
        browser.login("alice", "wonderland");
        until_rejected(&http, &there, &old).await;
        assert_eq!(http.get(&there.url("/me"), &browser.cookie().unwrap()).await, 200);

        let first = Tokens::of_alice_in_body(&here.client());
        let second = Tokens::of(&first.send_refresh(&there.client()));
        let third = Tokens::of(&second.send_refresh(&here.client()));
        assert_eq!(first.send_refresh(&there.client()).status, 401, "reused: it may be stolen");
        for tokens in [&second, &third] {
            until_rejected(&http, &here, &tokens.header()).await;
        }
    }
}
