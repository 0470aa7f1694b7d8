//! Which backend decides if a request has several credentials.

use std::time::Duration;

use http::header;

use super::combinations::{ALIKE, cookie_and_token, cookie_first, two_cookies, world};
use crate::app::{Login, Me};
use crate::harness::{Client, Credential};

behaviours! {
    every_kind_of_credential_is_recognised_in_every_combination,
    an_explicit_credential_takes_precedence_over_a_cookie,
    the_first_backend_that_finds_its_kind_of_credential_decides,
    a_cookie_that_does_not_decide_is_not_used,
    sec_87_an_unrecognized_authorization_header_is_refused_unless_another_header_decides,
    session_data_belongs_to_the_deciding_sign_in,
    a_refusal_names_every_scheme_that_could_have_worked,
    sec_71_every_backend_must_meet_the_required_assurance,
    sec_18_an_api_key_is_no_recent_authentication,
    sec_81_a_secret_of_one_backend_is_rejected_by_the_other,
    the_first_backend_decides_between_two_cookies,
}

async fn every_kind_of_credential_is_recognised_in_every_combination() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, _) = cookie_and_token(&world, "bob").await;
        let subject = async |client: Client| client.get("/me").await.json::<Me>().subject;
        assert_eq!(subject(world.client_with(&cookie)).await, "alice");
        assert_eq!(subject(world.client_with(&token)).await, "bob");
        let robot = world.client().get("/me").header("x-api-key", "key-of-robot").await;
        assert_eq!(robot.json::<Me>().subject, "robot");
        assert_eq!(world.client().get("/me").await.status, 401);
    }
}

async fn an_explicit_credential_takes_precedence_over_a_cookie() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, _, both) = cookie_and_token(&world, "bob").await;
        assert_eq!(both.get("/maybe").await.text(), "bob");
        let with_key = world.client_with(&cookie).get("/maybe").header("x-api-key", "key-of-robot");
        assert_eq!(with_key.await.text(), "robot");
    }
}

async fn the_first_backend_that_finds_its_kind_of_credential_decides() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, _) = cookie_and_token(&world, "bob").await;
        let bad_token = world.client_with(&cookie).with_credential(&token.tampered());
        assert_eq!(bad_token.get("/maybe").await.status, 401);
        assert_eq!(bad_token.get("/who").await.text(), "rejected");
        let bad_key =
            world.client_with(&cookie).get("/maybe").header("x-api-key", "nonsense").await;
        assert_eq!(bad_key.status, 401);
        let bad_cookie = world.client_with(&cookie.tampered()).with_credential(&token);
        assert_eq!(bad_cookie.get("/maybe").await.text(), "bob", "the cookie is not read");
    }
}

async fn a_cookie_that_does_not_decide_is_not_used() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, _, both) = cookie_and_token(&world, "bob").await;
        world.advance(Duration::from_secs(600));
        world.store.reset_calls();
        assert_eq!(both.get("/maybe").await.text(), "bob");
        let key = world.client_with(&cookie).get("/maybe").header("x-api-key", "key-of-robot");
        assert_eq!(key.await.text(), "robot");
        let bad = world.client_with(&cookie).get("/maybe").header("authorization", "Basic abc");
        assert_eq!(bad.await.status, 401);
        let records = world.store.records().await;
        let record = records.iter().find(|record| record.id == cookie.sign_in()).unwrap();
        assert_eq!(world.clock.now().since(record.last_seen()), Duration::from_secs(600));
    }
}

/// The header is for another proxy or application. The key decides, as it does beside a cookie.
async fn sec_87_an_unrecognized_authorization_header_is_refused_unless_another_header_decides() {
    for build in ALIKE {
        let world = world(build).await;
        let ask = |key: &str| {
            let call = world.client().get("/maybe").header("authorization", "Basic abc");
            call.header("x-api-key", key)
        };
        assert_eq!(ask("key-of-robot").await.text(), "robot");
        assert_eq!(ask("nonsense").await.status, 401);
        let alone = world.client().get("/maybe").header("authorization", "Basic abc");
        assert_eq!(alone.await.status, 401);
        let two = ask("key-of-robot").header("authorization", "Basic abc");
        assert_eq!(two.await.status, 401, "two such headers are always refused");
    }
}

async fn session_data_belongs_to_the_deciding_sign_in() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = cookie_and_token(&world, "bob").await;
        both.post("/cart").body("apple").await;
        assert_eq!(world.client_with(&token).get("/cart").await.text(), r#"["apple"]"#);
        assert_eq!(world.client_with(&cookie).get("/cart").await.text(), "[]");
    }
}

async fn a_refusal_names_every_scheme_that_could_have_worked() {
    for build in ALIKE {
        let world = world(build).await;
        let refused = world.client().get("/me").await;
        let challenges = refused.header(header::WWW_AUTHENTICATE);
        for scheme in ["ApiKey", "Session", "Bearer"] {
            assert_eq!(challenges.matches(scheme).count(), 1, "{scheme} in {challenges}");
        }
        let vary = refused.header(header::VARY);
        for name in ["x-api-key", "cookie", "authorization"] {
            assert_eq!(vary.matches(name).count(), 1, "{name} in {vary}");
        }
    }
}

async fn sec_71_every_backend_must_meet_the_required_assurance() {
    for build in ALIKE {
        let world = world(build).await;
        for (acr, status) in [(None, 401), (Some("aal1"), 401), (Some("aal2"), 200)] {
            let login = Login { acr: acr.map(str::to_owned), ..Login::from("alice") };
            let by_cookie = world.client();
            by_cookie.login(login.clone()).await;
            assert_eq!(by_cookie.get("/strong").await.status, status, "cookie with {acr:?}");
            let by_token = world.client();
            let login = login.via(auth_core::Transport::Explicit);
            by_token.post("/login").json(&login).await;
            assert_eq!(by_token.get("/strong").await.status, status, "token with {acr:?}");
        }
        let robot = world.client().get("/strong").header("x-api-key", "key-of-robot").await;
        assert_eq!(robot.status, 401, "the assurance of a robot is not enough");
    }
}

/// A key shows which program sent the request, and not that a user authenticated.
async fn sec_18_an_api_key_is_no_recent_authentication() {
    for build in ALIKE {
        let world = world(build).await;
        let ask = |path: &str| world.client().get(path).header("x-api-key", "key-of-robot");
        let me: Me = ask("/me").await.json();
        assert_eq!((&*me.subject, me.authenticated_at), ("robot", None));
        assert_eq!(ask("/step-up").await.status, 401);
        let (client, _) = world.sign_in("alice").await;
        assert_eq!(client.get("/step-up").await.status, 200);
    }
    let alone = world(super::combinations::keys_alone).await;
    let refused = alone.client().get("/step-up").header("x-api-key", "key-of-robot").await;
    assert_eq!(refused.status, 403, "no scheme of this layer supports a step-up");
}

async fn sec_81_a_secret_of_one_backend_is_rejected_by_the_other() {
    let world = world(cookie_first).await;
    let (cookie, token, _) = cookie_and_token(&world, "bob").await;
    let crossed =
        [Credential::Cookie(token.secret().to_owned()), token.with_secret(cookie.secret())];
    for credential in &crossed {
        assert_eq!(world.status_of(credential).await, 401);
        assert_eq!(world.client_with(credential).post("/refresh").await.status, 401);
    }
    assert_eq!(world.statuses([&cookie, &token]).await, [200, 200]);
}

async fn the_first_backend_decides_between_two_cookies() {
    let world = world(two_cookies).await;
    let alice = world.client().signed_in("alice").await;
    let cookies =
        |first: &str, second: &str| format!("__Host-staff={second}; __Host-session={first}");
    let good = alice.secret();
    let ask = |cookies: String| world.client().get("/maybe").header("cookie", &cookies);
    assert_eq!(ask(cookies(good, "nonsense")).await.text(), "alice");
    assert_eq!(ask(cookies("nonsense", good)).await.text(), "anonymous");
}
