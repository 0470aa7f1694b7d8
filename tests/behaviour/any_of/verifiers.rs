//! Backends that only verify, next to backends with sign-ins.

use http::Method;

use super::combinations::{ALIKE, keys_alone, world};
use crate::app::{Login, Me};
use crate::harness::{Call, Client};

behaviours! {
    signing_in_to_a_verifier_is_a_config_error,
    an_api_key_has_no_session,
    a_client_with_an_api_key_can_sign_in,
    sec_55_a_user_of_another_issuer_cannot_end_sign_ins_of_the_same_subject,
}

fn as_robot(call: Call) -> Call {
    call.header("x-api-key", "key-of-alice")
}

async fn signing_in_to_a_verifier_is_a_config_error() {
    let world = world(keys_alone).await;
    let client = world.client();
    assert_eq!(as_robot(client.get("/me")).await.json::<Me>().subject, "alice");
    for path in ["/login", "/refresh", "/logout"] {
        let reply = as_robot(client.post(path).json(&Login::from("alice"))).await;
        assert_eq!(reply.status, 500, "{path}: {reply:?}");
    }
    let cart = as_robot(client.get("/cart")).await;
    assert_eq!(cart.status, 500);
    assert!(cart.text().contains("`Session` needs a credential that belongs to a stored sign-in"));
}

async fn an_api_key_has_no_session() {
    for build in ALIKE {
        let world = world(build).await;
        let cart = as_robot(world.client().get("/cart")).await;
        assert_eq!(cart.status, 500, "{cart:?}");
        assert!(cart.set_cookies().is_empty());
        let refresh = as_robot(world.client().post("/refresh")).await;
        assert!(!refresh.status.is_success() && refresh.set_cookies().is_empty(), "{refresh:?}");
    }
}

async fn a_client_with_an_api_key_can_sign_in() {
    for build in ALIKE {
        let world = world(build).await;
        let client = world.client();
        assert_eq!(as_robot(client.post("/login").json(&Login::from("bob"))).await.status, 204);
        assert_eq!(client.get("/maybe").await.text(), "bob");
    }
}

/// Equal subjects of two issuers are two users.
async fn sec_55_a_user_of_another_issuer_cannot_end_sign_ins_of_the_same_subject() {
    for build in ALIKE {
        let world = world(build).await;
        let alices = world.client().signed_in("alice").await;
        let stranger: Client = world.client();
        let path = format!("/devices/{}", alices.sign_in());
        let list = as_robot(stranger.get("/devices")).await;
        assert!(!list.text().contains(&alices.sign_in().to_string()), "{list:?}");
        as_robot(stranger.call(Method::DELETE, &path)).await;
        assert_eq!(world.status_of(&alices).await, 200, "revoking one sign-in had an effect");
        as_robot(stranger.post("/logout-others")).await;
        as_robot(stranger.post("/logout-everywhere")).await;
        assert_eq!(world.status_of(&alices).await, 200, "revoking all sign-ins had an effect");
    }
}
