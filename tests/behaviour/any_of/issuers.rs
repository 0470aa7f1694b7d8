//! Several backends for JSON Web Tokens, each for its own issuers.

use std::sync::Arc;

use auth_core::{Authenticator, Claims, CookiePolicy, Identity, Refusal, any_of};
use auth_jwt::{JwtAuth, Key, Validation};
use auth_session::SessionAuth;
use auth_store::MemoryStore;
use http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

const A: &str = "https://a.example";
const B: &str = "https://b.example";
const EXP: u64 = 4_102_444_800;

fn backend(secret: u8, issuer: &str) -> JwtAuth {
    unnamed(secret).issuer(issuer)
}

/// Returns a backend that accepts the tokens of any issuer.
fn unnamed(secret: u8) -> JwtAuth {
    JwtAuth::new(Key::from(Key::hs256([secret; 32]).unwrap())).audience("shop")
}

fn token(secret: u8, claims: &Value) -> String {
    let mut all = json!({ "sub": "alice", "aud": "shop", "exp": EXP });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    format!("Bearer {}", Key::hs256([secret; 32]).unwrap().sign("JWT", &all).unwrap())
}

/// Returns the issuer of the identity, or the reason for the rejection.
async fn ask<A>(auth: &A, name: header::HeaderName, value: &str) -> Result<String, &'static str>
where
    A: Authenticator<Claims = Claims> + Clone,
{
    let request = Request::get("/").header(name, value).body(()).unwrap();
    let handler = service_fn(async |request: Request<()>| {
        let identity = Identity::<Claims>::of(request.extensions()).unwrap().unwrap();
        let issuer = identity.authentication().issuer.as_deref().unwrap_or("none").to_owned();
        Ok::<_, std::convert::Infallible>(Response::new(issuer))
    });
    let layer = auth_core::AuthLayer::new(auth.clone());
    let response = layer.layer(handler).oneshot(request).await.unwrap();
    if response.status() == StatusCode::OK {
        return Ok(response.into_body());
    }
    match response.extensions().get::<Arc<Refusal>>().unwrap().as_ref() {
        Refusal::Unauthenticated(Some(rejection)) => Err(rejection.reason.as_str()),
        other => panic!("{other}"),
    }
}

async fn asks<A>(auth: &A, token: &str) -> Result<String, &'static str>
where
    A: Authenticator<Claims = Claims> + Clone,
{
    ask(auth, header::AUTHORIZATION, token).await
}

#[tokio::test]
async fn a_token_is_verified_by_the_backend_of_its_issuer() {
    let (one, other) =
        (any_of((backend(1, A), backend(2, B))), any_of((backend(2, B), backend(1, A))));
    for both in [one, other] {
        for _ in 0..2 {
            assert_eq!(asks(&both, &token(1, &json!({ "iss": A }))).await.as_deref(), Ok(A));
            assert_eq!(asks(&both, &token(2, &json!({ "iss": B }))).await.as_deref(), Ok(B));
        }
    }
}

/// What a token claims selects the backend, and proves nothing.
#[tokio::test]
async fn sec_55_a_claimed_issuer_only_selects_a_backend() {
    let both = any_of((backend(1, A), backend(2, B)));
    let forged = [token(1, &json!({ "iss": B })), token(2, &json!({ "iss": A }))];
    for token in forged {
        assert_eq!(asks(&both, &token).await, Err("bad signature"));
    }
    assert_eq!(asks(&both, &token(1, &json!({ "iss": A, "exp": 1 }))).await, Err("expired"));
    assert_eq!(
        asks(&both, &token(2, &json!({ "iss": B, "aud": "x" }))).await,
        Err("wrong audience")
    );
    // Backends with one key.
    let same = any_of((backend(1, A), backend(1, B)));
    for issuer in [A, B] {
        assert_eq!(asks(&same, &token(1, &json!({ "iss": issuer }))).await.as_deref(), Ok(issuer));
    }
    // The first backend reports a token that is for none of them.
    let third = json!({ "iss": "https://c.example" });
    assert_eq!(asks(&same, &token(1, &third)).await, Err("wrong issuer"));
    assert_eq!(asks(&both, &token(3, &third)).await, Err("bad signature"));
    assert_eq!(asks(&both, &token(1, &json!({}))).await, Err("no issuer"));
    assert_eq!(
        asks(&both, &token(1, &json!({ "iss": [A] }))).await,
        Err("claim of the wrong type")
    );
    let alone = backend(1, A);
    assert_eq!(asks(&alone, &token(1, &third)).await, Err("wrong issuer"));
}

#[tokio::test]
async fn a_backend_for_any_issuer_comes_last() {
    let both = any_of((backend(1, A), unnamed(2)));
    assert_eq!(asks(&both, &token(1, &json!({ "iss": A }))).await.as_deref(), Ok(A));
    assert_eq!(asks(&both, &token(2, &json!({ "iss": B }))).await.as_deref(), Ok(B));
    assert_eq!(asks(&both, &token(2, &json!({}))).await.as_deref(), Ok(""));
    assert_eq!(asks(&both, &token(2, &json!({ "iss": A }))).await, Err("bad signature"));
}

/// The backend that accepts only short tokens cannot know whose the token is.
#[tokio::test]
async fn a_token_that_is_too_long_for_one_backend_is_left_to_the_next() {
    let auth = any_of((backend(1, A).max_token_bytes(500), backend(2, B)));
    let long = |secret, issuer| token(secret, &json!({ "iss": issuer, "x": "x".repeat(1000) }));
    assert_eq!(asks(&auth, &long(2, B)).await.as_deref(), Ok(B));
    assert_eq!(asks(&auth, &long(1, A)).await, Err("token too long"));
    let both = any_of((backend(1, A).max_token_bytes(500), backend(2, B).max_token_bytes(600)));
    assert_eq!(asks(&both, &long(2, B)).await, Err("token too long"));
}

#[tokio::test]
async fn several_issuers_of_one_backend_stay_together() {
    let trusted = Validation::new().issuer(B).audience("shop");
    let key = Key::from(Key::hs256([2; 32]).unwrap());
    let two = backend(1, A).trusted_issuer(key, trusted);
    let all = any_of([any_of((two, backend(3, "https://c.example"))).erased()]);
    for (secret, issuer) in [(1, A), (2, B), (3, "https://c.example")] {
        assert_eq!(
            asks(&all, &token(secret, &json!({ "iss": issuer }))).await.as_deref(),
            Ok(issuer)
        );
    }
}

/// An `Authorization` header that no backend accepts is rejected, whatever cookie comes with it.
#[tokio::test]
async fn sec_87_a_cookie_does_not_make_up_for_a_token_of_an_unknown_issuer() {
    let by_cookie =
        |secret, issuer, name| backend(secret, issuer).cookie(CookiePolicy::host(name).unwrap());
    let both =
        any_of((by_cookie(1, A, "a"), by_cookie(2, B, "b"), SessionAuth::new(MemoryStore::new())));
    let cookie = |name: &str, secret, issuer: &str| {
        let token = token(secret, &json!({ "iss": issuer }));
        format!("__Host-{name}={}", token.strip_prefix("Bearer ").unwrap())
    };
    for (name, secret, issuer) in [("a", 1, A), ("b", 2, B)] {
        let cookie = cookie(name, secret, issuer);
        assert_eq!(ask(&both, header::COOKIE, &cookie).await.as_deref(), Ok(issuer));
    }
    let strays = format!("{}; {}", cookie("a", 3, "https://c.example"), cookie("b", 2, B));
    assert_eq!(ask(&both, header::COOKIE, &strays).await.as_deref(), Ok(B));
    let stranger = token(3, &json!({ "iss": "https://c.example" }));
    let request = Request::get("/").header("cookie", cookie("a", 1, A));
    let request = request.header("authorization", stranger).body(()).unwrap();
    let handler =
        service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new(())));
    let response = both.layer(handler).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 401);
}

#[test]
#[should_panic(expected = "verify JSON Web Tokens of the same issuers")]
fn two_backends_for_any_issuer_cannot_be_combined() {
    let _ = any_of((unnamed(1), unnamed(2)));
}

#[test]
#[should_panic(expected = "verify JSON Web Tokens of the same issuers")]
fn a_backend_for_any_issuer_cannot_come_first() {
    let _ = any_of((SessionAuth::new(MemoryStore::new()), unnamed(1), backend(2, B)));
}

#[test]
#[should_panic(expected = "verify JSON Web Tokens of the same issuers")]
fn two_backends_for_one_issuer_cannot_be_combined() {
    let nested = any_of((backend(1, A), SessionAuth::new(MemoryStore::new())));
    let _ = any_of((nested, backend(2, A)));
}
