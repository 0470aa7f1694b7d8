//! Issuers by rule: one layer for all tenants of a provider.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::{Claims, ManualClock, Timestamp, any_of};
use auth_jwt::testing::TestIssuer;
use auth_jwt::{JwtAuth, RemoteIssuers, RemoteKeys, Validation};
use http::{Request, Response};
use serde_json::json;

use super::super::kit::{NOW, Signer, claims, rejection, verify};
use super::{COOLDOWN, settle, status};

/// The tenants of a provider, all at one host, and the requests that it received.
#[derive(Clone, Default)]
struct Provider {
    tenants: Arc<Mutex<HashMap<String, TestIssuer>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

const TEMPLATE: &str = "https://login.example/{tenant}/v2.0";

impl Provider {
    /// Creates an issuer that exists, and returns it.
    fn tenant(&self, name: &str) -> TestIssuer {
        let issuer = TestIssuer::new(&TEMPLATE.replace("{tenant}", name)).audience("shop");
        self.tenants.lock().unwrap().insert(name.to_owned(), issuer.clone());
        issuer
    }

    fn answer(&self, url: &str) -> Response<String> {
        self.requests.lock().unwrap().push(url.to_owned());
        let tenant = url.split('/').nth(3).unwrap();
        let tenants = self.tenants.lock().unwrap();
        let Some(issuer) =
            tenants.get(tenant).filter(|_| url.starts_with("https://login.example/"))
        else {
            return Response::builder().status(404).body(String::new()).unwrap();
        };
        let document = json!({ "issuer": issuer.name(), "jwks_uri": format!("https://login.example/{tenant}/keys") });
        Response::new(if url.ends_with("/keys") { issuer.jwks() } else { document.to_string() })
    }

    fn client(
        &self,
    ) -> impl Fn(auth_jwt::RemoteKeysBuilder) -> auth_jwt::RemoteKeysBuilder + use<> {
        let provider = self.clone();
        move |keys| {
            let provider = provider.clone();
            keys.client(tower::service_fn(move |request: Request<String>| {
                let response = provider.answer(&request.uri().to_string());
                async move { Ok::<_, Infallible>(response) }
            }))
        }
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_secs(NOW))
}

fn auth(issuers: RemoteIssuers, clock: &ManualClock) -> JwtAuth<Claims> {
    JwtAuth::new(issuers).audience("shop").clock(clock.clock())
}

fn token(issuer: &TestIssuer) -> String {
    issuer.token("alice").lifetime(Duration::from_secs(36_000)).sign()
}

/// Returns a token that names this issuer, but is signed with an unknown key.
fn forged(issuer: &str) -> String {
    let signer = Signer::new(auth_jwt::Algorithm::EdDsa);
    let mut all = claims();
    all["iss"] = json!(issuer);
    signer.forge(&json!({ "alg": "EdDSA", "kid": "x" }), &all)
}

#[tokio::test]
async fn r12_every_tenant_of_a_template_is_trusted() {
    let provider = Provider::default();
    let issuers = RemoteIssuers::template(TEMPLATE).configure(provider.client());
    let auth = auth(issuers.clone(), &clock());
    for name in ["one", "two", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"] {
        let tenant = provider.tenant(name);
        let identity = verify(&auth, token(&tenant)).await.unwrap();
        assert_eq!(identity.authentication().issuer.as_deref(), Some(tenant.name()));
        assert_eq!(issuers.keys(tenant.name()).unwrap().status().keys, 1);
    }
    assert_eq!(provider.requests(), 6, "a document and a key set each");
}

#[tokio::test]
async fn r12_nothing_is_fetched_for_an_issuer_that_the_rule_refuses() {
    let provider = Provider::default();
    let auth = auth(RemoteIssuers::template(TEMPLATE).configure(provider.client()), &clock());
    for issuer in [
        "https://login.example/one/v2.0/",
        "https://login.example/one/v1.0",
        "https://login.example/one/two/v2.0",
        "https://login.example/../v2.0",
        "https://login.example//v2.0",
        "https://login.example/a%2Fb/v2.0",
        "https://login.example.evil.example/one/v2.0",
        "http://login.example/one/v2.0",
        "",
    ] {
        assert_eq!(rejection(&auth, forged(issuer)).await, "unknown issuer", "{issuer}");
    }
    let mut unnamed = claims();
    unnamed.as_object_mut().unwrap().remove("iss");
    let signer = Signer::new(auth_jwt::Algorithm::EdDsa);
    assert_eq!(rejection(&auth, signer.token(&unnamed)).await, "no issuer");
    assert_eq!(provider.requests(), 0);
}

#[tokio::test]
async fn r12_a_tenant_cannot_speak_for_another() {
    let provider = Provider::default();
    let auth = auth(RemoteIssuers::template(TEMPLATE).configure(provider.client()), &clock());
    let (one, two) = (provider.tenant("one"), provider.tenant("two"));
    assert!(verify(&auth, token(&one)).await.is_ok() && verify(&auth, token(&two)).await.is_ok());
    let claims_two = one.token("alice").claim("iss", two.name()).sign();
    assert_eq!(rejection(&auth, claims_two).await, "unknown key");
    provider.tenants.lock().unwrap().insert("three".to_owned(), one.clone());
    let other_document = one.token("alice").claim("iss", TEMPLATE.replace("{tenant}", "three"));
    assert_eq!(status(&auth, &other_document.sign()).await, 503, "its document is that of another");
}

#[tokio::test]
async fn r12_a_resolver_chooses_the_keys_of_an_issuer() {
    let provider = Provider::default();
    let (one, two) = (provider.tenant("one"), provider.tenant("two"));
    let (client, known) = (provider.client(), one.name().to_owned());
    let issuers = RemoteIssuers::resolver(move |issuer| {
        let keys = RemoteKeys::jwks("https://login.example/one/keys");
        (issuer == known).then(|| client(keys))
    });
    let auth = auth(issuers, &clock());
    assert_eq!(status(&auth, &token(&one)).await, 200);
    assert_eq!(rejection(&auth, token(&two)).await, "unknown issuer");
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn r12_unverified_names_do_not_displace_verified_issuers() {
    let provider = Provider::default();
    let issuers = RemoteIssuers::template(TEMPLATE).configure(provider.client()).max_issuers(3);
    let clock = clock();
    let auth = auth(issuers.clone(), &clock).cache_capacity(0);
    let tenants = ["one", "two", "three"].map(|name| provider.tenant(name));
    for tenant in &tenants {
        assert_eq!(status(&auth, &token(tenant)).await, 200);
    }
    let before = provider.requests();
    for round in 0..5 {
        clock.advance(COOLDOWN);
        for number in 0..30 {
            let issuer = TEMPLATE.replace("{tenant}", &format!("random-{round}-{number}"));
            assert_eq!(status(&auth, &forged(&issuer)).await, 503);
        }
    }
    assert!(provider.requests() - before <= 200, "ten names in ten seconds");
    let good: Vec<_> = tenants.iter().map(|tenant| issuers.keys(tenant.name()).is_some()).collect();
    assert_eq!(good, [true; 3]);
    for tenant in &tenants {
        let outcome = auth.verify(token(tenant).as_bytes()).into_ready();
        assert!(matches!(outcome, Ok(auth_core::Outcome::Authenticated(_))), "it does not wait");
    }
}

#[tokio::test]
async fn r12_the_issuer_that_was_used_longest_ago_is_forgotten() {
    let provider = Provider::default();
    let issuers = RemoteIssuers::template(TEMPLATE).configure(provider.client()).max_issuers(2);
    let clock = clock();
    let auth = auth(issuers.clone(), &clock);
    let tenants = ["one", "two", "three"].map(|name| provider.tenant(name));
    for tenant in &tenants {
        assert_eq!(status(&auth, &token(tenant)).await, 200);
        clock.advance(Duration::from_secs(1));
    }
    let known = tenants.each_ref().map(|tenant| issuers.keys(tenant.name()).is_some());
    assert_eq!(known, [false, true, true]);
    let requests = provider.requests();
    assert_eq!(status(&auth, &token(&tenants[0])).await, 200, "it comes back");
    assert!(provider.requests() > requests, "also the cached token was verified again");
}

#[tokio::test]
async fn r12_a_rotation_of_a_tenant_is_served_at_the_first_token() {
    let provider = Provider::default();
    let auth = auth(RemoteIssuers::template(TEMPLATE).configure(provider.client()), &clock());
    let tenant = provider.tenant("one");
    assert_eq!(status(&auth, &token(&tenant)).await, 200);
    tenant.rotate(); // advances the clock of the tenant only
    settle().await;
    let next = tenant.token("alice").claim("iat", NOW).sign();
    assert_eq!(status(&auth, &next).await, 200);
}

#[tokio::test]
async fn r12_a_rule_is_trusted_beside_other_issuers() {
    let provider = Provider::default();
    let ours = TestIssuer::new("https://shop.example").audience("shop");
    let clock = clock();
    let rule = || RemoteIssuers::template(TEMPLATE).configure(provider.client());
    let tenant = provider.tenant("one");
    let both = ours.auth().trusted_issuer(rule(), Validation::new().audience("shop"));
    assert_eq!(status(&both.clock(clock.clock()), &token(&tenant)).await, 200);
    let ways = any_of((auth(rule(), &clock), ours.auth()));
    for (issuer, own) in [(&tenant, TEMPLATE), (&ours, "https://shop.example")] {
        let head = format!("Bearer {}", token(issuer));
        let request = Request::get("/").header("authorization", head).body(()).unwrap();
        let handler = tower::service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(String::new()))
        });
        let layer = auth_core::AuthLayer::new(ways.clone());
        let response =
            tower::ServiceExt::oneshot(tower::Layer::layer(&layer, handler), request).await;
        assert_eq!(response.unwrap().status(), 200, "{own}");
    }
}

/// The tenants of Entra ID share their keys.
#[tokio::test]
async fn r12_issuers_of_one_form_may_share_their_keys() {
    let provider = Provider::default();
    let one = provider.tenant("one");
    let keys = || provider.client()(RemoteKeys::jwks("https://login.example/one/keys"));
    let validation = Validation::new().issuer_template(TEMPLATE).audience("shop");
    let auth = |validation| JwtAuth::new(keys()).validation(validation).clock(clock().clock());
    let all = auth(validation.clone());
    let of = |tenant: &str| {
        let issuer = TEMPLATE.replace("{tenant}", tenant);
        one.token("alice").claim("iss", issuer).claim("tid", tenant).sign()
    };
    for tenant in ["one", "two"] {
        let identity = verify(&all, of(tenant)).await.unwrap();
        let issuer = TEMPLATE.replace("{tenant}", tenant);
        assert_eq!(identity.authentication().issuer.as_deref(), Some(&*issuer));
    }
    assert_eq!(rejection(&all, of("a/b")).await, "wrong issuer");
    assert_eq!(rejection(&all, one.token("alice").without("iss").sign()).await, "no issuer");
    let some = auth(validation.require_value("tid", "one").require_value("tid", "three"));
    assert!(verify(&some, of("one")).await.is_ok());
    assert_eq!(rejection(&some, of("two")).await, "claim with another value");
    assert_eq!(provider.requests(), 2, "one set for each layer");
}

#[test]
fn r12_a_template_cannot_choose_the_domain() {
    for template in [
        "https://{host}/v2.0",
        "https://{company}.example",
        "https://login.{domain}",
        "https://login.{domain}/v2.0",
        "https://{tenant}./v2.0",
        "https://{user}.x@login.example",
        "https://login.example/v2.0",
        "https://{a}.login.example/{b}",
        "{tenant}",
    ] {
        let built = std::panic::catch_unwind(|| RemoteIssuers::template(template));
        assert!(built.is_err(), "{template}");
    }
    for template in
        [TEMPLATE, "https://{tenant}.login.example", "https://a-{tenant}.login.example/b"]
    {
        let _ = RemoteIssuers::template(template);
    }
}
