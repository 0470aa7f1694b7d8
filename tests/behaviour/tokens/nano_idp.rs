//! Another real provider on loopback: `nanoidp`, which `tests/run` installs. It issues tokens for the resource that
//! the client names (RFC 8707), and has an endpoint for introspection (RFC 7662).

use std::time::Duration;

use auth_core::{Claims, Outcome, RejectionReason};
use auth_jwt::{Introspection, JwtAuth, Validation};
use auth_servers::NanoIdp;
use serde_json::Value;

use super::kit::post_form;

const API: &str = "https://api.example/notes";

async fn post(provider: &NanoIdp, path: &str, form: &str) -> String {
    let client = format!("{}:{}", NanoIdp::CLIENT, NanoIdp::SECRET);
    post_form(&provider.issuer(), path, &client, form).await
}

/// Returns a token of the user for this resource.
async fn token_for(provider: &NanoIdp, resource: &str) -> String {
    let (user, password) = (NanoIdp::USER, NanoIdp::SECRET);
    let form = format!(
        "grant_type=password&username={user}&password={password}&scope=profile&resource={resource}"
    );
    let response: Value = serde_json::from_str(&post(provider, "/token", &form).await).unwrap();
    response["access_token"].as_str().unwrap().to_owned()
}

/// Returns the user, or the reason why the token is rejected.
fn answer(outcome: Outcome<Claims>) -> Result<String, RejectionReason> {
    match outcome {
        Outcome::Authenticated(user) if user.has_scope("profile") => Ok(user.subject().to_owned()),
        Outcome::Rejected(rejection) => Err(rejection.reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "services"), ignore = "needs nanoidp, which tests/run installs")]
async fn r13_a_token_counts_for_the_resource_that_the_client_named() {
    let provider = NanoIdp::start();
    let auth = JwtAuth::discover(provider.issuer()).audience(API);
    let verified = async |resource| {
        let token = token_for(&provider, resource).await;
        answer(auth.verify(token.as_bytes()).await)
    };
    assert_eq!(verified(API).await.as_deref(), Ok(NanoIdp::USER));
    let wrong = RejectionReason::Other("wrong audience");
    assert_eq!(verified("https://api.example/note").await, Err(wrong));
}

#[tokio::test]
#[cfg_attr(not(feature = "services"), ignore = "needs nanoidp, which tests/run installs")]
async fn a_token_is_introspected_until_it_is_revoked() {
    let provider = NanoIdp::start();
    let introspection = |audience: &str| {
        Introspection::new(format!("{}/introspect", provider.issuer()))
            .client(NanoIdp::CLIENT, NanoIdp::SECRET)
            .validation(Validation::new().issuer(provider.issuer()).audience(audience))
            .max_age(Duration::ZERO)
            .build()
            .unwrap()
    };
    let (auth, of_another) = (introspection(API), introspection("https://api.example/note"));
    let token = token_for(&provider, API).await;
    let verified = async || answer(auth.verify(token.as_bytes()).await);
    assert_eq!(verified().await.as_deref(), Ok(NanoIdp::USER));
    let wrong = RejectionReason::Other("wrong audience");
    assert_eq!(answer(of_another.verify(token.as_bytes()).await), Err(wrong));
    post(&provider, "/revoke", &format!("token={token}")).await;
    assert!(verified().await.is_err());
}
