//! Credentials that a browser attaches by itself and that belong to another authenticator: HTTP
//! Basic and a cookie of another application. They are subject to the same rules as ours.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use auth_core::{
    Attempt, AuthLayer, AuthenticationInfo, Authenticator, ChallengeReason, Claims,
    CrossOriginProtection, Identity, Outcome, Principal, Rejection, RejectionReason, RequestCookie,
    RequestHead, any_of,
};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session};
use http::{HeaderMap, HeaderValue, Request, Response};
use tower::{Layer, Service, ServiceExt, service_fn};

fn known(name: &str, secret: &[u8], presented: &[u8]) -> Outcome<Claims> {
    if presented != secret {
        return Outcome::Rejected(Rejection::new("test", RejectionReason::Unknown));
    }
    let authentication = AuthenticationInfo::new("test", None);
    Outcome::Authenticated(Identity::verified(Principal::new(name), authentication))
}

/// HTTP Basic: the browser asks for the password once and then sends it with every request.
struct Basic;

impl Authenticator for Basic {
    type Claims = Claims;
    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<Claims>> {
        let credentials = head.credentials("Basic")?;
        Some(Attempt::ambient_header(known("alice", b"good", credentials)))
    }
    fn challenge(&self, _: &ChallengeReason<'_>, _: &mut HeaderMap) {}
    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("authorization")
    }
}

/// A cookie of another application that only identifies the user.
struct Badge;

impl Authenticator for Badge {
    type Claims = Claims;
    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<Claims>> {
        match head.cookie("badge") {
            RequestCookie::Absent => None,
            RequestCookie::One(badge) => Some(Attempt::ambient(known("bob", b"good", badge))),
            RequestCookie::Many => Some(Attempt::ambient(known("", b"good", b""))),
        }
    }
    fn challenge(&self, _: &ChallengeReason<'_>, _: &mut HeaderMap) {}
    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("cookie")
    }
}

type Answer = Result<Response<String>, Infallible>;

/// Answers with the subject and stores something in the session.
async fn handler(request: Request<()>) -> Answer {
    let mut response = Response::new(String::new());
    match Identity::<Claims>::of(request.extensions()) {
        Ok(Some(identity)) => *response.body_mut() = identity.subject().to_owned(),
        Ok(None) => match Session::of(request.extensions()) {
            Ok(session) => session.insert("cart", "apple").unwrap(),
            Err(refusal) => *response.body_mut() = refusal.to_string(),
        },
        Err(refusal) => *response.body_mut() = refusal.to_string(),
    }
    Ok(response)
}

async fn answer<L>(layer: L, headers: &[(&str, &str)]) -> Response<String>
where
    L: Layer<tower::util::BoxCloneSyncService<Request<()>, Response<String>, Infallible>>,
    L::Service: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    let mut request = Request::post("/").header("host", "shop.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let service = tower::util::BoxCloneSyncService::new(service_fn(handler));
    layer.layer(service).oneshot(request.body(()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn sec_38_another_site_cannot_use_a_password_that_the_browser_stores() {
    let good = ("authorization", "Basic good");
    let here = answer(AuthLayer::new(Basic), &[good]).await;
    assert_eq!((here.status().as_u16(), here.body().as_str()), (200, "alice"));
    for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        assert_eq!(answer(AuthLayer::new(Basic), &[good, from]).await.status(), 403);
    }
    let bad = answer(AuthLayer::new(Basic), &[("authorization", "Basic bad")]).await;
    assert_eq!(bad.status(), 401);
}

#[tokio::test]
async fn a_password_in_the_header_takes_precedence_over_a_cookie() {
    let both = || any_of((Badge, Basic));
    let headers = [("authorization", "Basic good"), ("cookie", "badge=good")];
    assert_eq!(answer(both(), &headers).await.body(), "alice");
}

/// The other cookie is invalid, so no credential decided, and the visitor gets a session.
#[tokio::test]
async fn a_stale_foreign_cookie_does_not_cost_a_visitor_the_cart() {
    let auth = any_of((Badge, SessionAuth::new(MemoryStore::new()))).optional();
    let visitor = answer(auth, &[("cookie", "badge=old")]).await;
    assert_eq!((visitor.status().as_u16(), visitor.body().as_str()), (200, ""));
    assert!(visitor.headers().contains_key("set-cookie"));
}

/// The same badge, from pages of any origin.
struct OpenBadge;

impl Authenticator for OpenBadge {
    type Claims = Claims;
    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<Claims>> {
        Badge.authenticate(head)
    }
    fn challenge(&self, _: &ChallengeReason<'_>, _: &mut HeaderMap) {}
    fn vary(&self) -> HeaderValue {
        Badge.vary()
    }
    fn cross_origin(&self) -> &CrossOriginProtection {
        static OPEN: LazyLock<CrossOriginProtection> =
            LazyLock::new(|| CrossOriginProtection::STRICT.insecure_disabled());
        &OPEN
    }
}

/// The policy of the backend that decided allows the request, but that of the sessions does not.
#[tokio::test]
async fn sec_82_another_site_gets_no_visitors_cookie_by_the_policy_of_another_backend() {
    let auth = || any_of((OpenBadge, SessionAuth::new(MemoryStore::new()))).optional();
    let from = ("sec-fetch-site", "cross-site");
    let refused = answer(auth(), &[("cookie", "badge=old"), from]).await;
    assert_eq!(refused.status(), 403);
    assert!(!refused.headers().contains_key("set-cookie"), "{refused:?}");
    assert_eq!(answer(auth(), &[("cookie", "badge=old")]).await.status(), 200);
}

/// The stale cookie of another application decides, so the session cookie was not looked at.
#[tokio::test]
async fn sec_94_a_stale_foreign_cookie_does_not_cost_a_visitor_the_cookie() {
    let store = Arc::new(MemoryStore::new());
    let auth = || any_of((Badge, SessionAuth::new(Arc::clone(&store)))).optional();
    let visitor = answer(auth(), &[]).await;
    let cookie = visitor.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let both = answer(auth(), &[("cookie", &format!("badge=old; {cookie}"))]).await;
    assert!(!both.headers().contains_key("set-cookie"), "{both:?}");
    assert_eq!(answer(auth(), &[("cookie", cookie)]).await.status(), 200);
}

#[tokio::test]
async fn a_use_is_written_before_the_idle_timeout_even_with_the_longest_touch_interval() {
    let store = MemoryStore::new();
    let auth = SessionAuth::new(store).touch_interval(std::time::Duration::MAX).optional();
    let visitor = answer(auth.clone(), &[]).await;
    let cookie = visitor.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    assert_eq!(answer(auth, &[("cookie", cookie)]).await.status(), 200);
}
