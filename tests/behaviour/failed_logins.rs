//! Failed logins, and the errors of token endpoints (RFC 6749 section 5.2).

use std::collections::HashMap;
use std::sync::Arc;

use auth_core::{
    Auth, AuthContext, AuthError, AuthErrorKind, AuthLayer, LoginRedirect, Principal, Refusal,
    SignedIn, TokenError, Transport,
};
use auth_store::OverflowPolicy;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use tower::ServiceExt;

use crate::app::{Login, User};
use crate::harness::{Credential, EventCapture, Fault, World, sign_in_by};

suite!(every:
    a_wrong_password_is_told_from_a_missing_login,
    a_token_endpoint_answers_with_the_codes_of_oauth,
    a_token_endpoint_answers_with_the_status_of_other_errors,
    a_client_that_does_not_authenticate_is_told_how,
);

suite!(pair: a_token_endpoint_grants_no_wider_scope);

suite!(every on one_thread: sec_73_a_wrong_password_is_an_event);

type Parameters = HashMap<String, String>;

async fn wrong_password(auth: Auth<User>) -> AuthError {
    auth.wrong_credentials("wrong password of alice")
}

async fn page(auth: Auth<User>) -> AuthError {
    auth.unauthenticated("this page needs a user")
}

/// A token endpoint, which an application writes itself.
async fn token(
    transport: Transport,
    auth: Auth<User>,
    form: &Parameters,
) -> Result<SignedIn, TokenError> {
    let parameter = |name| form.get(name).map(String::as_str);
    match (parameter("grant_type"), parameter("password")) {
        (Some("password"), Some("right")) => {
            let principal = Principal::new("alice").claims(User::default());
            Ok(sign_in_by(auth.sign_in(principal), transport).await?)
        }
        (Some("password"), _) => Err(auth.wrong_credentials("wrong password").into()),
        (Some("refresh_token"), _) => {
            let mut refresh = auth.refresh();
            if let Some(token) = parameter("refresh_token") {
                refresh = refresh.token(token);
            }
            if let Some(scope) = parameter("scope") {
                refresh = refresh.scope(scope);
            }
            Ok(refresh.await?)
        }
        (Some("client_credentials"), _) => Err(TokenError::new("invalid_client")),
        (Some(_), _) => Err(TokenError::new("unsupported_grant_type")),
        (None, _) => Err(TokenError::new("invalid_request")),
    }
}

fn app(world: &World) -> Router {
    let transport = world.transport();
    let token = async move |auth: Auth<User>, form: Bytes| {
        let form = url::form_urlencoded::parse(&form).into_owned().collect();
        token(transport, auth, &form).await
    };
    Router::new()
        .route("/login", post(wrong_password))
        .route("/page", get(page).post(page))
        .route("/token", post(token))
        .layer(AuthLayer::new(world.auth()).optional())
        .layer(LoginRedirect::to("/").unwrap())
}

/// A response, its body as text.
async fn answer(world: &World, request: http::request::Builder, form: &str) -> Response<String> {
    let form_type = "application/x-www-form-urlencoded";
    let request = request.method("POST").header(header::CONTENT_TYPE, form_type);
    let request = request.body(Body::from(form.to_owned())).unwrap();
    let (parts, body) = app(world).oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, 4096).await.unwrap();
    Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
}

fn carrying(path: &str, credential: &Credential) -> http::request::Builder {
    let headers = credential.headers().into_iter();
    headers.fold(Request::post(path), |it, (name, value)| it.header(name, value))
}

/// Returns the challenges of a response.
fn challenges(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

async fn a_wrong_password_is_told_from_a_missing_login(world: World) {
    let (_, stale) = world.sign_in("alice").await;
    let stale = stale.tampered();
    let missing = answer(&world, Request::post("/page"), "").await;
    assert_eq!((missing.status().as_u16(), challenges(missing.headers()).is_empty()), (401, false));
    for request in [
        Request::post("/login"),
        // A browser, which a missing login would lead to the login page.
        Request::post("/login").header("sec-fetch-mode", "navigate"),
        carrying("/login", &stale),
    ] {
        let wrong = answer(&world, request, "").await;
        assert_eq!((wrong.status().as_u16(), wrong.body().as_str()), (401, "wrong credentials"));
        assert_eq!(challenges(wrong.headers()), challenges(missing.headers()));
        let refusal = wrong.extensions().get::<Arc<Refusal>>().unwrap();
        let Refusal::Failed(error) = &**refusal else { panic!("{refusal:?}") };
        assert_eq!(error.kind(), AuthErrorKind::WrongCredentials);
    }
    let browser = Request::post("/page").header("sec-fetch-mode", "navigate");
    assert_eq!(answer(&world, browser, "").await.status(), 303);

    // Without a framework, the application refuses by the context.
    let refused = world.handle(None, async |head| {
        let auth = Auth::<User>::of(&head).unwrap();
        let context = AuthContext::of(&head.extensions, "the login").unwrap();
        context.refuse(&head.headers, auth.wrong_credentials("wrong password").into())
    });
    let refused = refused.await;
    assert_eq!((refused.status().as_u16(), refused.body().as_str()), (401, ""));
    assert_eq!(challenges(refused.headers()), challenges(missing.headers()));
}

/// Checks the error of the token endpoint.
async fn check(
    world: &World,
    (request, form): (http::request::Builder, &str),
    expected: (u16, &str),
) {
    let (status, code) = expected;
    let response = answer(world, request, form).await;
    let body = format!(r#"{{"error":"{code}"}}"#);
    assert_eq!((response.status().as_u16(), response.body().as_str()), (status, &*body), "{form}");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{form}");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json", "{form}");
    assert_eq!(response.headers().contains_key(header::RETRY_AFTER), status == 503, "{form}");
    assert!(response.extensions().get::<Arc<Refusal>>().is_none(), "its body must stay");
}

async fn a_token_endpoint_answers_with_the_codes_of_oauth(world: World) {
    for (form, code) in [
        ("", "invalid_request"),
        ("grant_type=magic", "unsupported_grant_type"),
        ("grant_type=password&password=wrong", "invalid_grant"),
        ("grant_type=refresh_token", "invalid_grant"),
        ("grant_type=refresh_token&refresh_token=made-up", "invalid_grant"),
    ] {
        check(&world, (Request::post("/token"), form), (400, code)).await;
    }
    let right = "grant_type=password&password=right";
    let issued = answer(&world, Request::post("/token"), right).await;
    assert!(issued.status().is_success(), "{issued:?}");
    assert_eq!(issued.headers()[header::CACHE_CONTROL], "no-store");
}

/// RFC 6749 section 5.2.
async fn a_client_that_does_not_authenticate_is_told_how(world: World) {
    let form = "grant_type=client_credentials";
    check(&world, (Request::post("/token"), form), (401, "invalid_client")).await;
    let refused = answer(&world, Request::post("/token"), form).await;
    assert_eq!(challenges(refused.headers()), [r#"Basic realm="api""#]);
    let wrong = answer(&world, Request::post("/token"), "grant_type=password").await;
    assert_eq!(challenges(wrong.headers()), [""; 0], "the user is wrong, and not the client");
}

async fn a_token_endpoint_grants_no_wider_scope(world: World) {
    let (_, credential) = world.sign_in(Login::from("alice").scope("read")).await;
    let wider = (carrying("/token", &credential), "grant_type=refresh_token&scope=write");
    check(&world, wider, (400, "invalid_scope")).await;
}

async fn a_token_endpoint_answers_with_the_status_of_other_errors(world: World) {
    let right = "grant_type=password&password=right";
    if world.transport() == Transport::Ambient {
        let other_site = Request::post("/token").header("sec-fetch-site", "cross-site");
        check(&world, (other_site, right), (403, "access_denied")).await;
    }
    let full = world.with_limit(1, OverflowPolicy::Reject).await;
    full.sign_in("alice").await;
    check(&full, (Request::post("/token"), right), (403, "access_denied")).await;

    world.store.set_all(Fault::Fails);
    check(&world, (Request::post("/token"), right), (503, "temporarily_unavailable")).await;
}

async fn sec_73_a_wrong_password_is_an_event(world: World) {
    let events = EventCapture::start();
    let wrong = answer(&world, Request::post("/login"), "").await;
    assert!(!wrong.body().contains("alice"), "{wrong:?}");
    let lines = events.take();
    let found: Vec<_> = lines.iter().filter(|line| line.contains("wrong credentials")).collect();
    let [line] = found[..] else { panic!("{lines:#?}") };
    assert!(line.starts_with("INFO") && line.contains("wrong password of alice"), "{line}");
}
