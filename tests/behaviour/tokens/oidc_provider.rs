//! A real provider on loopback: npm's `oidc-provider`, which `tests/run` installs.

use std::time::Duration;

use auth_core::{Claims, Clock, ManualClock, Outcome};
use auth_jwt::{Introspection, JwtAuth, RemoteKeys, Validation};
use auth_servers::OidcProvider;
use serde_json::{Value, json};
use tokio::time::{interval, sleep};

use super::kit::post_form;

const SECRET: &str = "the-secret-of-the-client";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A provider with one client.
struct Provider(OidcProvider);

impl Provider {
    fn start() -> Self {
        let client = json!({
            "client_id": "client", "client_secret": SECRET, "grant_types": ["client_credentials"],
            "redirect_uris": [], "response_types": [],
        });
        Self(OidcProvider::start(&json!([client]).to_string()))
    }

    fn issuer(&self) -> String {
        self.0.issuer()
    }

    /// Returns the body of the response to a POST.
    async fn post(&self, path: &str, form: &str) -> String {
        post_form(&self.issuer(), path, &format!("client:{SECRET}"), form).await
    }

    async fn token(&self) -> String {
        self.token_for("urn:api").await
    }

    /// Returns a token for this resource.
    async fn token_for(&self, resource: &str) -> String {
        let form = format!("grant_type=client_credentials&scope=read&resource={resource}");
        let response = self.post("/token", &form).await;
        let response: Value = serde_json::from_str(&response).unwrap();
        response["access_token"].as_str().unwrap().to_owned()
    }

    async fn rotate(&self) {
        self.post("/test/rotate", "").await;
    }
}

fn auth(keys: RemoteKeys) -> JwtAuth<Claims> {
    JwtAuth::new(keys).audience("api").access_token()
}

/// Returns the key of a token.
fn kid(token: &str) -> String {
    let header = super::kit::decoded(token.split('.').next().unwrap());
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The provider signs with a new key from one moment to the next, while 200 requests per second arrive, at least half
/// of them with the newest token.
#[tokio::test]
#[cfg_attr(not(feature = "services"), ignore = "needs oidc-provider, which tests/run installs")]
async fn r04_no_token_is_refused_while_the_provider_rotates_its_keys() {
    let provider = Provider::start();
    let cooldown = Duration::from_secs(1);
    let keys = RemoteKeys::discover(provider.issuer()).cooldown(cooldown).build().unwrap();
    let auth = auth(keys.clone());
    keys.ready().await.unwrap();
    let mut tokens = vec![provider.token().await];
    for kids in 1..4 {
        sleep(cooldown).await; // the fetch before must not be the reason for a refusal
        let (mut ticks, mut answers) = (interval(Duration::from_millis(5)), Vec::new());
        for number in 0..400 {
            ticks.tick().await;
            if number == 100 {
                provider.rotate().await;
                tokens.push(provider.token().await);
                assert_eq!(keys.status().keys, kids, "the new key is not known yet");
            }
            let newest = tokens.len() - 1;
            let token = &tokens[if number % 2 == 0 { newest } else { number % tokens.len() }];
            let (auth, token) = (auth.clone(), token.clone());
            answers.push(tokio::spawn(async move { auth.verify(token.as_bytes()).await }));
        }
        for answer in answers {
            let outcome = answer.await.unwrap();
            assert!(matches!(outcome, Outcome::Authenticated(_)), "{outcome:?}");
        }
    }
    let kids: std::collections::BTreeSet<_> = tokens.iter().map(|token| kid(token)).collect();
    assert_eq!(kids.len(), 4);
    assert_eq!(keys.status().keys, 4);
}

#[tokio::test]
#[cfg_attr(not(feature = "services"), ignore = "needs oidc-provider, which tests/run installs")]
async fn r05_tokens_are_unavailable_after_the_provider_was_away_for_too_long() {
    let provider = Provider::start();
    let clock = ManualClock::new(Clock::system().now());
    let keys = RemoteKeys::discover(provider.issuer()).build().unwrap();
    let auth = auth(keys).leeway(DAY * 2).clock(clock.clock());
    let token = provider.token().await;
    let verified = async || auth.verify(token.as_bytes()).await;
    assert!(matches!(verified().await, Outcome::Authenticated(_)));
    drop(provider);
    clock.advance(DAY - Duration::from_secs(60));
    let outcome = verified().await;
    assert!(matches!(outcome, Outcome::Authenticated(_)), "{outcome:?}");
    clock.advance(Duration::from_secs(120));
    let outcome = verified().await;
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "services"), ignore = "needs oidc-provider, which tests/run installs")]
async fn an_opaque_token_of_the_provider_is_introspected_until_it_is_revoked() {
    let provider = Provider::start();
    let validation = Validation::new()
        .issuer(provider.issuer())
        .audience("api")
        .missing_subject_from("client_id"); // the token was issued to a client, not to a user
    let auth = Introspection::new(format!("{}/token/introspection", provider.issuer()))
        .client("client", SECRET)
        .validation(validation)
        .max_age(Duration::ZERO)
        .build()
        .unwrap();
    let token = provider.token_for("urn:opaque").await;
    assert!(!token.contains('.'), "{token} is not opaque");
    let Outcome::Authenticated(client) = auth.verify(token.as_bytes()).await else {
        panic!("the token is active")
    };
    assert_eq!((client.subject(), client.has_scope("read")), ("client", true));
    let forged = format!("{token}x");
    let outcome = auth.verify(forged.as_bytes()).await;
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    provider.post("/token/revocation", &format!("token={token}")).await;
    let outcome = auth.verify(token.as_bytes()).await;
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
}

/// The provider reports it as active, with its client.
#[tokio::test]
#[cfg_attr(not(feature = "services"), ignore = "needs oidc-provider, which tests/run installs")]
async fn sec_52_a_refresh_token_of_the_provider_does_not_authenticate() {
    let provider = Provider::start();
    let token = provider.post("/test/refresh-token", "").await;
    let answer = provider.post("/token/introspection", &format!("token={token}")).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&answer["active"], &answer["client_id"]), (&json!(true), &json!("client")));
    let validation = Validation::new().issuer(provider.issuer()).audience("api").client("client");
    let auth = Introspection::new(format!("{}/token/introspection", provider.issuer()))
        .client("client", SECRET)
        .validation(validation)
        .build()
        .unwrap();
    let Outcome::Rejected(rejection) = auth.verify(token.as_bytes()).await else {
        panic!("it is no access token")
    };
    assert_eq!(rejection.reason.as_str(), "no token type");
}
