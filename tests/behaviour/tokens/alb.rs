//! The header of an AWS Application Load Balancer.

use std::convert::Infallible;
use std::sync::Arc;

use auth_core::{Authenticator, Claims, Identity, Outcome, RequestHead, Require, any_of};
use auth_jwt::testing::{Provenance, Provider, ProviderFixture};
use auth_jwt::{AlbAuth, AlbAuthBuilder, Algorithm, Validation};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use http::{Request, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tower::{Service, ServiceExt, service_fn};

use super::kit::{NOW, Signer, auth, with};
use super::providers::{CALLS, misspelt, plain};

const SIGNER: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";

/// A balancer, and a service behind it.
struct Alb {
    fixture: ProviderFixture,
    auth: AlbAuth,
    /// The addresses that were asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Alb {
    fn new(signer: &str, validation: Validation) -> Self {
        Self::of(AlbAuth::signer(signer).validation(validation))
    }

    fn of(builder: AlbAuthBuilder) -> Self {
        let fixture = Provider::AwsAlb.fixture();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (client, seen) = (fixture.client(), Arc::clone(&asked));
        let http = service_fn(move |request: Request<String>| {
            seen.lock().push(request.uri().to_string());
            let mut client = client.clone();
            async move { client.ready().await?.call(request).await }
        });
        let auth = builder.http_client(http).clock(fixture.clock().clock()).build().unwrap();
        Self { fixture, auth, asked }
    }

    /// Returns the subject of a header, or why it is rejected.
    async fn check(&self, value: &str) -> Result<String, &'static str> {
        let request = Request::get("/").header("x-amzn-oidc-data", value).body(()).unwrap();
        let attempt = self.auth.authenticate(&RequestHead::from(&request)).unwrap();
        match attempt.into_outcome().await {
            Outcome::Authenticated(identity) => Ok(identity.subject().to_owned()),
            Outcome::Rejected(rejection) => Err(rejection.reason.as_str()),
            other => panic!("{other:?}"),
        }
    }
}

/// Starts a layer with calls that the guide shows.
macro_rules! guide {
    ($builder:expr) => {{
        let calls = plain(concat!(stringify!($builder), ".build()?"));
        assert!(CALLS.contains(&calls), "the guide does not show {calls}");
        $builder
    }};
}

fn guide() -> AlbAuthBuilder {
    guide!(
        AlbAuth::signer(
            "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"
        )
        .validation(Validation::new().issuer("https://login.example").client("app-client-id"))
    )
}

#[tokio::test]
async fn r21_a_header_of_the_balancer_is_accepted_by_the_calls_of_the_guide() {
    let alb = Alb::of(guide());
    assert_eq!(Provider::AwsAlb.provenance(), Provenance::Documented);
    assert_eq!(alb.check(&alb.fixture.token()).await.as_deref(), Ok("alice"));
}

/// The client takes the place of the audience.
#[tokio::test]
async fn r21_one_character_of_the_issuer_the_client_or_the_signer_matters() {
    let alb = Alb::of(guide());
    let mut claims = alb.fixture.claims();
    for (name, value) in [("client", "app-client-id"), ("signer", SIGNER)] {
        claims.insert(name.to_owned(), json!(value));
    }
    assert_eq!(alb.check(&alb.fixture.sign(&claims)).await.as_deref(), Ok("alice"));
    for (name, reason) in
        [("iss", "wrong issuer"), ("client", "wrong client"), ("signer", "wrong signer")]
    {
        for at in 0..claims[name].as_str().unwrap().len() {
            let value = alb.fixture.sign(&misspelt(&claims, name, at));
            assert_eq!(alb.check(&value).await, Err(reason), "{name}, {at}");
        }
    }
}

/// RFC 9110 section 15.5.2 requires a challenge in every 401.
#[tokio::test]
async fn a_401_without_the_balancer_has_a_challenge() {
    use tower::Layer;

    let alb = Alb::of(guide());
    let handler =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
    let fresh = Require::max_auth_age(std::time::Duration::from_secs(60)).layer(handler);
    let service = alb.auth.clone().layer(fresh);
    let value = alb.fixture.token();
    for (value, challenge) in [
        (None, "ALB"),
        (Some("a.b.c"), "ALB"),
        (Some(&*value), r#"ALB error="insufficient_user_authentication", max_age="60""#),
    ] {
        let mut request = Request::get("/");
        if let Some(value) = value {
            request = request.header("x-amzn-oidc-data", value);
        }
        let response = service.clone().oneshot(request.body(()).unwrap()).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["www-authenticate"].as_bytes()),
            (401, challenge.as_bytes())
        );
    }
}

fn validation() -> Validation {
    Validation::new().issuer("https://login.example").client("app-client-id")
}

/// Returns the header with a member of its first part replaced, and the signature as it was.
fn with_member(value: &str, name: &str, member: Value) -> String {
    let (header, rest) = value.split_once('.').unwrap();
    let mut header: Value =
        serde_json::from_slice(&BASE64_URL_SAFE.decode(header).unwrap()).unwrap();
    header[name] = member;
    format!("{}.{rest}", BASE64_URL_SAFE.encode(header.to_string()))
}

#[tokio::test]
async fn r17_a_header_of_the_balancer_identifies_its_user() {
    let alb = Alb::new(SIGNER, validation());
    let value = alb.fixture.token();
    assert!(value.contains('='), "it is padded: {value}");
    for _ in 0..3 {
        assert_eq!(alb.check(&value).await.as_deref(), Ok("alice"));
    }
    let url = "https://public-keys.auth.elb.eu-central-1.amazonaws.com/2027-01";
    assert_eq!(*alb.asked.lock(), [url], "one fetch");
    alb.fixture.clock().advance(std::time::Duration::from_secs(300 + 60));
    assert_eq!(alb.check(&value).await, Err("expired"));
}

#[tokio::test]
async fn r17_another_signer_client_or_issuer_is_refused() {
    for (signer, validation, reason) in [
        (SIGNER.replace("9188", "9189"), validation(), "wrong signer"),
        (SIGNER.to_owned(), Validation::new().issuer("https://login.exampl"), "wrong issuer"),
        (
            SIGNER.to_owned(),
            validation().client("x").issuer("https://login.examplf"),
            "wrong issuer",
        ),
        (SIGNER.to_owned(), Validation::new().client("app-client-ie"), "wrong client"),
    ] {
        let alb = Alb::new(&signer, validation);
        assert_eq!(alb.check(&alb.fixture.token()).await, Err(reason));
        assert_eq!(alb.asked.lock().is_empty(), reason == "wrong signer", "{reason}");
    }
}

#[tokio::test]
async fn r17_only_the_exact_text_that_was_signed_is_accepted() {
    let alb = Alb::new(SIGNER, validation());
    let value = alb.fixture.token();
    let unpadded = value.replace('=', "");
    let [header, payload, signature]: [&str; 3] =
        value.split('.').collect::<Vec<_>>().try_into().unwrap();
    for (wrong, reason) in [
        (unpadded, "malformed"),
        (format!("{header}.{payload}"), "malformed"),
        (format!("{header}.{payload}.{signature}."), "malformed"),
        (with_member(&value, "exp", json!(NOW + 900)), "bad signature"),
        (with_member(&value, "client", json!("other")), "bad signature"),
        (with_member(&value, "alg", json!("none")), "wrong algorithm"),
        (with_member(&value, "alg", json!("HS256")), "wrong algorithm"),
        (with_member(&value, "kid", json!("../x")), "unknown key"),
        (with_member(&value, "kid", json!("2027-02")), "unknown key"),
        ("a".repeat(16 * 1024 + 1), "token too long"),
    ] {
        assert_eq!(alb.check(&wrong).await, Err(reason), "{wrong:.60}");
    }
    assert_eq!(alb.check(&value).await.as_deref(), Ok("alice"));
}

/// Anyone who reaches the service can make up names of keys.
#[tokio::test]
async fn r17_made_up_keys_cause_a_bounded_number_of_fetches() {
    let alb = Alb::new(SIGNER, validation());
    let value = alb.fixture.token();
    assert!(alb.check(&value).await.is_ok());
    for number in 0..100 {
        let wrong = with_member(&value, "kid", json!(format!("made-up-{number}")));
        let request = Request::get("/").header("x-amzn-oidc-data", wrong).body(()).unwrap();
        let attempt = alb.auth.authenticate(&RequestHead::from(&request)).unwrap();
        assert!(!matches!(attempt.into_outcome().await, Outcome::Authenticated(_)));
    }
    assert!(alb.asked.lock().len() <= 10, "{:?}", alb.asked.lock());
    assert_eq!(alb.check(&value).await.as_deref(), Ok("alice"), "a key in use stays");
}

/// A failure of the server that has the keys says nothing about a key.
#[tokio::test]
async fn r17_a_failure_of_the_key_server_is_unavailable() {
    let fixture = Provider::AwsAlb.fixture();
    for (status, is_unavailable) in [(404, false), (403, false), (429, true), (503, true)] {
        let http = service_fn(move |_: Request<String>| {
            let response = Response::builder().status(status).body(String::new());
            std::future::ready(Ok::<_, Infallible>(response.unwrap()))
        });
        let auth = AlbAuth::<Claims>::signer(SIGNER).validation(validation()).http_client(http);
        let auth = auth.clock(fixture.clock().clock()).build().unwrap();
        for _ in 0..2 {
            let request = Request::get("/").header("x-amzn-oidc-data", fixture.token());
            let request = request.body(()).unwrap();
            let attempt = auth.authenticate(&RequestHead::from(&request)).unwrap();
            let outcome = attempt.into_outcome().await;
            assert_eq!(matches!(outcome, Outcome::Unavailable(_)), is_unavailable, "{outcome:?}");
        }
    }
}

/// The client attached the `Authorization` header on purpose.
#[tokio::test]
async fn sec_87_a_bearer_token_takes_precedence_over_the_header_of_the_balancer() {
    use tower::Layer;

    let (alb, signer) = (Alb::new(SIGNER, validation()), Signer::new(Algorithm::Hs256));
    let jwt = auth(signer.key.clone());
    let subject = service_fn(async |request: Request<()>| {
        let identity = Identity::<Claims>::of(request.extensions()).unwrap().unwrap();
        Ok::<_, Infallible>(Response::new(identity.subject().to_owned()))
    });
    let good = signer.token(&with(json!({ "sub": "bob" })));
    let orders = [
        any_of((alb.auth.clone(), jwt.clone())).layer(subject),
        any_of((jwt, alb.auth.clone())).layer(subject),
    ];
    let alone = alb.auth.clone().layer(subject);
    let value = alb.fixture.token();
    let request = |bearer: Option<&str>| {
        let request = Request::get("/").header("x-amzn-oidc-data", &value);
        let request = match bearer {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        request.body(()).unwrap()
    };
    for service in orders {
        for (bearer, expected) in
            [(Some(&*good), (200, "bob")), (Some("forged"), (401, "")), (None, (200, "alice"))]
        {
            let response = service.clone().oneshot(request(bearer)).await.unwrap();
            let seen = (response.status().as_u16(), response.into_body());
            assert_eq!((seen.0, &*seen.1), expected, "{bearer:?}");
        }
    }
    assert_eq!(alone.clone().oneshot(request(Some(&good))).await.unwrap().status(), 401);
    assert_eq!(alone.oneshot(request(None)).await.unwrap().status(), 200);
}

/// The cookie of the balancer authenticates the request, and other sites can send it.
#[tokio::test]
async fn sec_38_another_site_cannot_use_the_session_at_the_balancer() {
    use tower::Layer;

    let alb = Alb::new(SIGNER, validation());
    let handler =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
    let service = alb.auth.clone().layer(handler);
    for (site, status) in [("same-origin", 200), ("cross-site", 403)] {
        let request = Request::post("/")
            .header("x-amzn-oidc-data", alb.fixture.token())
            .header("sec-fetch-site", site)
            .body(())
            .unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{site}");
    }
    let mut twice = Request::get("/").header("x-amzn-oidc-data", "a").body(()).unwrap();
    twice.headers_mut().append("x-amzn-oidc-data", "b".parse().unwrap());
    assert_eq!(service.clone().oneshot(twice).await.unwrap().status(), 401);
    let without = Request::get("/").body(()).unwrap();
    assert_eq!(service.oneshot(without).await.unwrap().status(), 401);
}

#[test]
fn r17_a_wrong_option_is_named() {
    let error = |arn: &str, url: Option<&str>| {
        let builder = AlbAuth::<Claims>::signer(arn);
        let builder = match url {
            Some(url) => builder.keys_url(url),
            None => builder,
        };
        builder.build().unwrap_err().to_string()
    };
    assert!(error("app/shop", None).contains("app/shop"));
    assert!(error(SIGNER, Some("https://keys.example/")).contains("keys.example"));
    assert!(error(SIGNER, Some("http://keys.example/{kid}")).contains("must be `https`"));
}
