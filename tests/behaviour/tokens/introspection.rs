//! Opaque tokens of another issuer, which its introspection endpoint explains (RFC 7662).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use auth_core::{
    AuthLayer, Authenticator, Claims, Identity, ManualClock, Outcome, Refusal, Require, Timestamp,
    any_of,
};
use auth_jwt::testing::{IssuerFault, IssuerServer};
use auth_jwt::{
    ClientSecrets, Introspection, IntrospectionAuth, JwtAuth, Key, Revocations, Validation,
};
use auth_session::SessionAuth;
use auth_store::MemoryStore;
use http::{Request, Response, header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::{Layer, ServiceExt, service_fn};

use super::kit::{NOW, clock};
use crate::harness::{EventCapture, Fault, Framework, Op, TestBackend, World};

const ISSUER: &str = "https://login.example";

/// An endpoint that gives every token the same answer.
#[derive(Clone)]
struct Endpoint {
    answer: Arc<Mutex<String>>,
    status: Arc<AtomicU16>,
    asked: Arc<Mutex<Vec<Request<String>>>>,
    hangs: Arc<AtomicBool>,
    /// How long it takes to answer.
    takes: Arc<Mutex<Duration>>,
    released: Arc<Notify>,
    clock: ManualClock,
}

impl Endpoint {
    fn new(answer: &Value) -> Self {
        Self {
            answer: Arc::new(Mutex::new(answer.to_string())),
            status: Arc::new(AtomicU16::new(200)),
            asked: Arc::default(),
            hangs: Arc::default(),
            takes: Arc::default(),
            released: Arc::default(),
            clock: clock(),
        }
    }

    fn answers(&self, answer: &Value) {
        *self.answer.lock() = answer.to_string();
    }

    /// Waits until it was asked this often.
    async fn asked_times(&self, times: usize) {
        while self.count() < times {
            tokio::task::yield_now().await;
        }
    }

    /// How often it was asked.
    fn count(&self) -> usize {
        self.asked.lock().len()
    }

    fn auth(&self) -> IntrospectionAuth {
        self.options().build().unwrap()
    }

    fn options(&self) -> Introspection {
        let endpoint = self.clone();
        let http = service_fn(move |request: Request<String>| {
            let endpoint = endpoint.clone();
            async move {
                let body = endpoint.answer.lock().clone();
                endpoint.asked.lock().push(request);
                if endpoint.hangs.load(Ordering::SeqCst) {
                    endpoint.released.notified().await;
                }
                let takes = *endpoint.takes.lock();
                endpoint.clock.clock().sleep(takes).await;
                let status = endpoint.status.load(Ordering::SeqCst);
                let response = Response::builder().status(status).body(body).unwrap();
                Ok::<_, std::io::Error>(response)
            }
        });
        Introspection::new("https://login.example/introspect")
            .client("the shop", "a:b")
            .http_client(http)
            .validation(Validation::new().issuer(ISSUER).audience("shop"))
            .clock(self.clock.clock())
    }
}

/// Returns the answer about a token of `alice`, with these members added or replaced.
fn active(more: Value) -> Value {
    let mut answer = json!({
        "active": true, "sub": "alice", "aud": "shop", "exp": NOW + 300, "token_type": "Bearer",
    });
    let Value::Object(more) = more else { panic!("no members") };
    answer.as_object_mut().unwrap().extend(more);
    answer
}

/// Returns the identity of the token, or why it is rejected.
async fn asks(auth: &IntrospectionAuth, token: &str) -> Result<Identity<Claims>, &'static str> {
    match auth.verify(token.as_bytes()).await {
        Outcome::Authenticated(identity) => Ok(identity),
        Outcome::Rejected(rejection) => Err(rejection.reason.as_str()),
        other => panic!("{other:?}"),
    }
}

/// Lets all other tasks run until they wait.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn is_unavailable(auth: &IntrospectionAuth) -> bool {
    matches!(auth.verify(b"a").await, Outcome::Unavailable(_))
}

/// Returns the status of a request with this token, and the scheme of the identity or the reason.
async fn status<A>(auth: &A, require: Require, token: &str) -> (u16, String)
where
    A: Authenticator<Claims = Claims> + Clone,
{
    let credentials = format!("Bearer {token}");
    let request = Request::get("/").header(header::AUTHORIZATION, credentials).body(()).unwrap();
    let handler = service_fn(async |request: Request<()>| {
        let identity = Identity::<Claims>::of(request.extensions()).unwrap().unwrap();
        Ok::<_, Infallible>(Response::new(identity.scheme().to_owned()))
    });
    let service = AuthLayer::new(auth.clone()).layer(require.layer(handler));
    let response = service.oneshot(request).await.unwrap();
    let refusal = response.extensions().get::<Arc<Refusal>>().map(Arc::as_ref);
    let reason = match refusal {
        Some(Refusal::Unauthenticated(Some(rejection))) => rejection.reason.as_str().to_owned(),
        _ => String::new(),
    };
    let status = response.status().as_u16();
    let body = response.into_body();
    (status, if body.is_empty() { reason } else { body })
}

#[tokio::test]
async fn an_active_token_identifies_its_user() {
    let more = json!({
        "scope": "read write", "auth_time": NOW - 5, "username": "Alice", "roles": ["buyer"],
    });
    let endpoint = Endpoint::new(&active(more));
    let auth = endpoint.auth();
    for _ in 0..3 {
        let identity = asks(&auth, "opaque-1+/=").await.unwrap();
        assert_eq!(identity.subject(), "alice");
        assert_eq!(identity.local_subject(), None, "it is no user of the application");
        assert_eq!(identity.authentication().issuer.as_deref(), Some(ISSUER));
        assert_eq!(identity.scheme(), "introspection");
        assert_eq!(identity.principal().scopes.join(" "), "read write");
        assert!(identity.has_role("buyer"));
        assert_eq!(identity.claims().get("username"), Some(&json!("Alice")));
    }
    let asked = endpoint.asked.lock();
    let [request] = &asked[..] else { panic!("the answer is cached: {asked:?}") };
    assert_eq!((request.method().as_str(), request.uri().query()), ("POST", None));
    assert_eq!(request.body(), "token=opaque-1%2B%2F%3D&token_type_hint=access_token");
    assert_eq!(request.headers()[header::AUTHORIZATION], "Basic dGhlK3Nob3A6YSUzQWI=");
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn an_answer_is_used_until_its_maximum_age_or_the_expiry() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.auth();
    asks(&auth, "a").await.unwrap();
    endpoint.answers(&json!({ "active": false }));
    endpoint.clock.advance(Duration::from_secs(29));
    assert!(asks(&auth, "a").await.is_ok() && endpoint.count() == 1);
    endpoint.clock.advance(Duration::from_secs(1));
    assert_eq!(asks(&auth, "a").await.unwrap_err(), "unknown");

    endpoint.answers(&active(json!({ "exp": NOW + 40 })));
    asks(&auth, "b").await.unwrap();
    endpoint.answers(&json!({ "active": false }));
    endpoint.clock.advance(Duration::from_secs(9));
    assert!(asks(&auth, "b").await.is_ok());
    endpoint.clock.advance(Duration::from_secs(1));
    assert_eq!(asks(&auth, "b").await.unwrap_err(), "unknown", "it has expired");

    endpoint.answers(&active(json!({ "exp": null })));
    let always = endpoint.options().max_age(Duration::ZERO).build().unwrap();
    let before = endpoint.count();
    for _ in 0..2 {
        assert_eq!(asks(&always, "c").await.unwrap().expires_at(), Timestamp::MAX);
    }
    assert_eq!(endpoint.count(), before + 2);
}

/// A provider may need a moment until each of its nodes knows a new token.
#[tokio::test]
async fn a_refusal_is_used_for_five_seconds() {
    let endpoint = Endpoint::new(&json!({ "active": false }));
    let auth = endpoint.auth();
    asks(&auth, "a").await.unwrap_err();
    endpoint.answers(&active(json!({})));
    endpoint.clock.advance(Duration::from_millis(4_999));
    assert_eq!((asks(&auth, "a").await.is_err(), endpoint.count()), (true, 1));
    endpoint.clock.advance(Duration::from_millis(1));
    assert!(asks(&auth, "a").await.is_ok());
}

#[tokio::test]
async fn an_answer_is_validated_like_a_token() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.options().max_age(Duration::ZERO).build().unwrap();
    for (more, reason) in [
        (json!({ "iss": "https://login.exampl" }), "wrong issuer"),
        (json!({ "aud": "shop-2" }), "wrong audience"),
        (json!({ "aud": null }), "no audience"),
        (json!({ "sub": null }), "no subject"),
        (json!({ "nbf": NOW + 100 }), "not yet valid"),
        (json!({ "exp": NOW - 100 }), "expired"),
        (json!({ "exp": "1" }), "claim of the wrong type"),
        (json!({ "cnf": { "jkt": "a" } }), "bound to a key without proof"),
        (json!({ "token_type": "DPoP" }), "bound to a key without proof"),
        (json!({ "token_type": "refresh_token" }), "wrong kind"),
        (json!({ "token_type": "N_A" }), "wrong kind"),
        (json!({ "token_type": 7 }), "wrong kind"),
        (json!({ "token_use": "refresh_token" }), "wrong kind"),
        (json!({ "events": {} }), "wrong kind"),
    ] {
        endpoint.answers(&active(more));
        assert_eq!(asks(&auth, "a").await.unwrap_err(), reason);
    }
    let fine = json!({ "iss": ISSUER, "token_type": "bearer", "token_use": "access_token" });
    endpoint.answers(&active(fine));
    assert!(asks(&auth, "a").await.is_ok());
}

/// An endpoint reports refresh tokens as active, too. The members are those of oidc-provider and Doorkeeper, which
/// leave out the `token_type` of a refresh token, of Ory Hydra, of Keycloak, and of RFC 9068.
#[tokio::test]
async fn sec_52_a_refresh_token_that_is_active_does_not_authenticate() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.options().max_age(Duration::ZERO).build().unwrap();
    let lenient = endpoint.options().max_age(Duration::ZERO).insecure_missing_token_type();
    let lenient = lenient.build().unwrap();
    for (more, reason) in [
        (json!({ "token_type": null }), "no token type"),
        (json!({ "token_type": null, "typ": "JWT" }), "no token type"),
        (json!({ "token_type": "Bearer", "token_use": "refresh_token" }), "wrong kind"),
        (json!({ "token_type": null, "typ": "Refresh" }), "wrong kind"),
        (json!({ "token_type": "Bearer", "typ": "Offline" }), "wrong kind"),
        (json!({ "typ": "ID" }), "wrong kind"),
    ] {
        endpoint.answers(&active(more.clone()));
        assert_eq!(asks(&auth, "a").await.unwrap_err(), reason, "{more}");
        let accepted = asks(&lenient, "a").await.map(|user| user.subject().to_owned());
        let expected = if reason == "no token type" { Ok("alice".to_owned()) } else { Err(reason) };
        assert_eq!(accepted, expected, "{more}");
    }
    for more in [
        json!({ "token_type": null, "typ": "Bearer" }),
        json!({ "token_type": null, "token_use": "access_token" }),
        json!({ "typ": "at+jwt" }),
        json!({ "typ": "JWT" }),
    ] {
        endpoint.answers(&active(more.clone()));
        assert!(asks(&auth, "a").await.is_ok(), "{more}");
    }
}

#[tokio::test]
async fn the_checks_of_the_application_run_at_each_use() {
    let endpoint = Endpoint::new(&active(json!({})));
    let is_open = Arc::new(AtomicBool::new(true));
    let shared = Arc::clone(&is_open);
    let validation = Validation::new()
        .audience("shop")
        .check(move |_| if shared.load(Ordering::SeqCst) { Ok(()) } else { Err("closed") });
    let auth = endpoint.options().validation(validation).build().unwrap();
    assert!(asks(&auth, "a").await.is_ok());
    is_open.store(false, Ordering::SeqCst);
    assert_eq!(asks(&auth, "a").await.unwrap_err(), "closed");
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn sec_76_without_an_answer_the_token_is_unavailable() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.auth();
    let events = EventCapture::start();
    for code in [401, 404, 500, 503, 302] {
        endpoint.status.store(code, Ordering::SeqCst);
        assert!(is_unavailable(&auth).await, "{code}");
    }
    assert_eq!(status(&auth, Require::authenticated(), "a").await.0, 503);
    endpoint.status.store(200, Ordering::SeqCst);
    for body in
        ["", "<html>", "{}", "[]", r#"{"active":"true"}"#, r#"{"active":true,"active":true}"#]
    {
        *endpoint.answer.lock() = body.to_owned();
        assert!(is_unavailable(&auth).await, "{body}");
    }
    *endpoint.answer.lock() = " ".repeat(256 * 1024 + 1);
    assert!(is_unavailable(&auth).await);
    let events = events.take().join("\n");
    assert!(events.contains("WARN introspection failed") && events.contains("status"), "{events}");
    endpoint.answers(&active(json!({})));
    endpoint.clock.advance(Duration::from_secs(1));
    assert!(asks(&auth, "a").await.is_ok(), "an error is not cached");
}

#[tokio::test]
async fn sec_75_a_token_appears_in_no_event_and_no_debug_text() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.auth();
    let events = EventCapture::start();
    for code in [200, 500] {
        endpoint.status.store(code, Ordering::SeqCst);
        status(&auth, Require::authenticated(), &format!("the-secret-token-{code}")).await;
    }
    let shown = format!("{auth:?} {:?} {}", endpoint.options(), events.take().join("\n"));
    assert!(!shown.contains("the-secret-token") && !shown.contains("dGhl"), "{shown}");
}

/// Also if the client whose request asked hangs up.
#[tokio::test]
async fn requests_with_one_token_share_a_question() {
    let endpoint = Endpoint::new(&active(json!({})));
    endpoint.hangs.store(true, Ordering::SeqCst);
    let auth = endpoint.auth();
    let ask = || {
        let auth = auth.clone();
        tokio::spawn(async move { asks(&auth, "a").await.is_ok() })
    };
    let first = ask();
    endpoint.asked_times(1).await;
    let requests: Vec<_> = (0..20).map(|_| ask()).collect();
    tokio::task::yield_now().await;
    assert_eq!(endpoint.count(), 1);
    first.abort();
    settle().await;
    assert_eq!(endpoint.count(), 1);
    endpoint.released.notify_waiters();
    for request in requests {
        assert!(request.await.unwrap());
    }
    assert_eq!(endpoint.count(), 1);
}

/// The fault: the question of a request that timed out was asked anew by the next one, so with an endpoint that takes
/// three seconds, no request was answered any more.
#[tokio::test]
async fn a_slow_endpoint_answers_requests_that_arrive_all_the_time() {
    let endpoint = Endpoint::new(&active(json!({})));
    *endpoint.takes.lock() = Duration::from_millis(2800);
    let auth = endpoint.options().max_age(Duration::ZERO).build().unwrap();
    let mut requests = Vec::new();
    for step in 0..150 {
        if step % 5 == 0 {
            let auth = auth.clone();
            let verified = async move { auth.verify(b"a").await };
            requests.push(tokio::spawn(verified));
        }
        settle().await;
        endpoint.clock.advance(Duration::from_millis(200));
    }
    settle().await;
    assert_eq!(endpoint.count(), 11, "questions in 30 seconds");
    let mut answered = 0;
    for request in requests.into_iter().take(24) {
        answered += usize::from(matches!(request.await.unwrap(), Outcome::Authenticated(_)));
    }
    // One that arrives when a question has just begun would have to wait for almost two.
    assert!(answered >= 16, "{answered} of 24 requests were answered");
}

/// The answer to a question that began before a request arrived may be out of date for it.
#[tokio::test]
async fn requests_that_need_an_answer_of_their_own_share_the_next_question() {
    let endpoint = Endpoint::new(&active(json!({})));
    endpoint.hangs.store(true, Ordering::SeqCst);
    let auth = endpoint.options().max_age(Duration::ZERO).build().unwrap();
    let ask = || {
        let auth = auth.clone();
        tokio::spawn(async move { asks(&auth, "a").await.map(|user| user.subject().to_owned()) })
    };
    let first = ask();
    endpoint.asked_times(1).await;
    endpoint.answers(&active(json!({ "sub": "bob" })));
    let others: Vec<_> = (0..20).map(|_| ask()).collect();
    tokio::task::yield_now().await;
    endpoint.hangs.store(false, Ordering::SeqCst);
    endpoint.released.notify_waiters();
    assert_eq!(first.await.unwrap().as_deref(), Ok("alice"));
    for other in others {
        assert_eq!(other.await.unwrap().as_deref(), Ok("bob"));
    }
    assert_eq!(endpoint.count(), 2);
}

/// The fault: the answer to an older question arrived last, and was used from then on.
#[tokio::test]
async fn an_older_answer_does_not_replace_a_newer_one() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.auth();
    endpoint.hangs.store(true, Ordering::SeqCst);
    let ask = || {
        let auth = auth.clone();
        tokio::spawn(async move { status(&auth, Require::revalidated(), "a").await.0 })
    };
    let first = ask();
    endpoint.asked_times(1).await; // by the layer
    endpoint.released.notify_waiters();
    endpoint.asked_times(2).await; // by the requirement
    endpoint.answers(&json!({ "active": false }));
    endpoint.hangs.store(false, Ordering::SeqCst);
    let second = ask();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    endpoint.released.notify_waiters();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (200, 401));
    assert_eq!(status(&auth, Require::authenticated(), "a").await.0, 401);
}

/// The fault: a user who sent requests to a revalidated route all the time took all questions about known tokens.
#[tokio::test]
async fn one_token_takes_one_question_at_a_time() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.auth();
    for token in ["a", "b"] {
        asks(&auth, token).await.unwrap();
    }
    endpoint.clock.advance(Duration::from_secs(20));
    asks(&auth, "a").await.unwrap();
    endpoint.hangs.store(true, Ordering::SeqCst);
    let of_one: Vec<_> = (0..40)
        .map(|_| {
            let auth = auth.clone();
            tokio::spawn(async move { status(&auth, Require::revalidated(), "a").await.0 })
        })
        .collect();
    endpoint.asked_times(3).await;
    settle().await;
    assert_eq!(endpoint.count(), 3);
    endpoint.hangs.store(false, Ordering::SeqCst);
    let other = auth.clone();
    let other = tokio::spawn(async move { status(&other, Require::revalidated(), "b").await.0 });
    settle().await;
    assert_eq!((endpoint.count(), other.is_finished()), (4, true), "the other token does not wait");
    assert_eq!(other.await.unwrap(), 200);
    endpoint.released.notify_waiters();
    for request in of_one {
        assert_eq!(request.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn a_flood_of_made_up_tokens_is_no_flood_of_questions() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.auth();
    asks(&auth, "known").await.unwrap();
    endpoint.clock.advance(Duration::from_secs(30));
    endpoint.hangs.store(true, Ordering::SeqCst);
    let flood: Vec<_> = (0..100)
        .map(|number| {
            let auth = auth.clone();
            tokio::spawn(async move { auth.verify(format!("{number}").as_bytes()).await })
        })
        .collect();
    endpoint.asked_times(1 + 32).await;
    settle().await;
    assert_eq!(endpoint.count(), 1 + 32);
    endpoint.hangs.store(false, Ordering::SeqCst);
    assert!(asks(&auth, "known").await.is_ok(), "a token that was active does not wait");
    endpoint.hangs.store(true, Ordering::SeqCst);
    endpoint.clock.advance(Duration::from_secs(5));
    for one in flood {
        let outcome = one.await.unwrap();
        assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn sec_07_what_is_no_bearer_token_costs_no_question() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.auth();
    for wrong in ["", "=", "a b", "a,b", "a\u{e9}", "a=b", "\"a\""] {
        assert_eq!(asks(&auth, wrong).await.unwrap_err(), "malformed", "{wrong}");
    }
    assert_eq!(asks(&auth, &"a".repeat(8193)).await.unwrap_err(), "token too long");
    assert_eq!(endpoint.count(), 0);
}

#[tokio::test]
async fn a_revalidated_route_asks_the_endpoint_for_each_request() {
    let endpoint = Endpoint::new(&active(json!({})));
    let auth = endpoint.auth();
    let both = any_of((auth.clone(), SessionAuth::new(MemoryStore::new())));
    let ok = (200, "introspection".to_owned());
    assert_eq!(status(&auth, Require::authenticated(), "a").await, ok);
    assert_eq!(status(&auth, Require::revalidated(), "a").await, ok);
    assert_eq!(endpoint.count(), 2);
    endpoint.answers(&json!({ "active": false }));
    assert_eq!(status(&auth, Require::authenticated(), "a").await, ok, "from the cache");
    assert_eq!(status(&auth, Require::revalidated(), "a").await, (401, "unknown".to_owned()));
    assert_eq!(status(&auth, Require::authenticated(), "a").await.0, 401, "it is known by now");
    assert_eq!(status(&both, Require::revalidated(), "a").await.0, 401);
}

/// The fault: what an endpoint called active was accepted until the next question, although it was revoked here.
#[tokio::test]
async fn sec_58_an_opaque_token_in_the_list_of_revocations_is_rejected() {
    let claims = active(json!({ "jti": "1", "sid": "s", "iat": NOW }));
    for name in ["jti", "sid", "sub"] {
        let endpoint = Endpoint::new(&claims);
        let list = Revocations::new(MemoryStore::new()).clock(endpoint.clock.clock());
        let auth = endpoint.options().revocations(list.clone()).build().unwrap();
        for (issuer, is_revoked) in [("https://b.example", false), (ISSUER, true)] {
            assert!(asks(&auth, "a").await.is_ok(), "{name}");
            let revoked = match name {
                "jti" => list.revoke_token(issuer, "1").await,
                "sid" => list.revoke_session(issuer, "s").await,
                _ => list.revoke_subject(issuer, "alice", Timestamp::from_secs(NOW)).await,
            };
            revoked.unwrap();
            assert_eq!(asks(&auth, "a").await.err(), is_revoked.then_some("revoked"), "{name}");
        }
        assert_eq!(endpoint.count(), 1, "the answer is cached");
        let answer = status(&auth, Require::revalidated(), "a").await;
        assert_eq!(answer, (401, "revoked".to_owned()));
        endpoint.answers(&active(json!({ "jti": "2", "sid": "t", "iat": NOW + 1 })));
        assert!(asks(&auth, "b").await.is_ok(), "{name}");
    }
}

/// No revocation could name such a token.
#[tokio::test]
async fn sec_58_with_a_list_of_revocations_an_opaque_token_needs_an_issuer() {
    let endpoint = Endpoint::new(&active(json!({})));
    let validation = Validation::new().audience("shop");
    let auth = endpoint.options().validation(validation).build().unwrap();
    assert!(asks(&auth, "a").await.is_ok());
    let list = Revocations::new(MemoryStore::new()).clock(endpoint.clock.clock());
    let validation = Validation::new().audience("shop");
    let auth = endpoint.options().validation(validation).revocations(list).build().unwrap();
    assert_eq!(asks(&auth, "a").await.err(), Some("no issuer"));
    endpoint.answers(&active(json!({ "iss": ISSUER })));
    assert!(asks(&auth, "b").await.is_ok());
}

/// A store that does not answer makes no revoked token valid.
#[tokio::test]
async fn sec_76_without_the_list_of_revocations_an_opaque_token_is_unavailable() {
    let world = World::start(TestBackend::jwt(), Framework::Axum).await;
    let endpoint = Endpoint::new(&active(json!({ "jti": "1" })));
    let list = Revocations::new(Arc::clone(&world.store)).clock(endpoint.clock.clock());
    let auth = endpoint.options().revocations(list.clone()).build().unwrap();
    world.store.set(Op::Peek, Fault::Fails);
    world.store.set(Op::Load, Fault::Fails);
    assert!(is_unavailable(&auth).await);
    assert_eq!(status(&auth, Require::revalidated(), "a").await.0, 503);
    world.store.clear_faults();
    assert!(asks(&auth, "a").await.is_ok());
    // A revalidated route bypasses what a node has cached.
    world.store.serve_stale_copies();
    assert_eq!(status(&auth, Require::revalidated(), "a").await.0, 200);
    list.revoke_token(ISSUER, "1").await.unwrap();
    assert_eq!(status(&auth, Require::authenticated(), "a").await.0, 200);
    assert_eq!(status(&auth, Require::revalidated(), "a").await.0, 401);
}

/// Wherever the backends are in the list.
#[tokio::test]
async fn a_json_web_token_is_verified_by_the_backend_of_its_issuer() {
    let endpoint = Endpoint::new(&active(json!({})));
    let key = Key::hs256([7; 32]).unwrap();
    let claims = |iss: &str| json!({ "iss": iss, "sub": "bob", "aud": "shop", "exp": NOW + 300 });
    let jwt = || {
        let own = JwtAuth::new(Key::from(Key::hs256([7; 32]).unwrap())).audience("shop");
        own.issuer("https://shop.example").clock(clock().clock())
    };
    for both in [any_of((endpoint.auth(), jwt())), any_of((jwt(), endpoint.auth()))] {
        let any = Require::authenticated;
        let token = key.sign("JWT", &claims("https://shop.example")).unwrap();
        assert_eq!(status(&both, any(), &token).await, (200, "jwt".to_owned()));
        let forged = format!("{token}A");
        assert_eq!(status(&both, any(), &forged).await.0, 401);
        assert_eq!(endpoint.count(), 0, "a token of that issuer is never sent to this one");
        assert_eq!(status(&both, any(), "opaque").await, (200, "introspection".to_owned()));
        endpoint.asked.lock().clear();
    }
    let other = key.sign("JWT", &claims(ISSUER)).unwrap();
    let (code, scheme) = status(&endpoint.auth(), Require::authenticated(), &other).await;
    assert_eq!((code, &*scheme), (200, "introspection"), "alone, it asks about every token");
}

#[tokio::test]
async fn an_opaque_sign_in_of_our_own_is_not_sent_to_the_endpoint() {
    let endpoint = Endpoint::new(&json!({ "active": false }));
    let sessions = SessionAuth::new(MemoryStore::new()).accept_bearer();
    let both = any_of((endpoint.auth(), sessions));
    let token = format!("{}{}", "ses_", "A".repeat(86));
    let (code, _) = status(&both, Require::authenticated(), &token).await;
    assert_eq!((code, endpoint.count()), (401, 0));
}

/// The refresh token authenticates nowhere, and must not be shown to another issuer.
#[tokio::test]
async fn sec_81_our_own_refresh_token_is_not_sent_to_the_endpoint() {
    let endpoint = Endpoint::new(&json!({ "active": false }));
    let own = || JwtAuth::new(Key::hs256([7; 32]).unwrap()).audience("shop");
    let own = || own().issuer("https://shop.example").sign_in(MemoryStore::new());
    let sign_in = service_fn(async |request: Request<()>| {
        let auth = auth_core::Auth::<Claims>::of(&request).unwrap();
        let sign_in = auth.sign_in(auth_core::Principal::new("alice")).as_tokens();
        let signed_in = sign_in.deliver(auth_core::RefreshTokenDelivery::Body).await.unwrap();
        Ok::<_, Infallible>(Response::new(signed_in.tokens.unwrap().refresh_token.unwrap().into()))
    });
    let request = Request::post("/").body(()).unwrap();
    let response = own().optional().layer(sign_in).oneshot(request).await.unwrap();
    let refresh: String = response.into_body();
    for both in [any_of((endpoint.auth(), own())), any_of((own(), endpoint.auth()))] {
        let answer = status(&both, Require::authenticated(), &refresh).await;
        assert_eq!(answer, (401, "wrong kind".to_owned()));
        assert_eq!(endpoint.count(), 0, "{:?}", endpoint.asked.lock());
        // Others have another form.
        status(&both, Require::authenticated(), &refresh[1..]).await;
        assert_eq!(endpoint.count(), 1);
        endpoint.asked.lock().clear();
    }
}

#[tokio::test]
async fn sec_103_a_wrong_option_is_named() {
    for url in ["http://login.example/introspect", "login", "https://a@b/", "https://a/#b"] {
        let error = Introspection::new(url).build().unwrap_err().to_string();
        assert!(error.contains(url), "{error}");
    }
    let error = Introspection::new("https://a.example").bearer("a\nb").build().unwrap_err();
    assert!(error.to_string().contains("authorization"), "{error}");
}

#[tokio::test]
async fn the_tokens_of_a_test_issuer_are_introspected_over_http() {
    let server = IssuerServer::start().await.audience("shop");
    let auth = server.introspection().build().unwrap();
    let alice = server.opaque(&server.issuer().token("alice").scope("read"));
    let identity = asks(&auth, &alice).await.unwrap();
    assert_eq!((identity.subject(), identity.has_scope("read")), ("alice", true));
    assert_eq!(identity.authentication().issuer.as_deref(), Some(server.issuer().name()));
    server.revoke(&alice);
    server.issuer().clock().advance(Duration::from_secs(30));
    assert_eq!(asks(&auth, &alice).await.unwrap_err(), "unknown");
    assert_eq!(asks(&auth, "opaque-7").await.unwrap_err(), "unknown");
    let wrong = server.introspection().client("test", "other").build().unwrap();
    assert!(matches!(wrong.verify(b"a").await, Outcome::Unavailable(_)));
    for fault in [
        IssuerFault::Away,
        IssuerFault::EndlessBody,
        IssuerFault::Redirect("http://localhost/introspect".to_owned()),
        IssuerFault::Body(Some("text/html"), r#"{"active":true}"#.to_owned()),
    ] {
        server.fail(fault.clone());
        assert!(matches!(auth.verify(b"b").await, Outcome::Unavailable(_)), "{fault:?}");
    }
}

/// What one application of this library issues, another one can introspect.
#[tokio::test]
async fn our_own_introspection_endpoint_explains_its_tokens() {
    let secret = "4hTyZ0vVnJ3sWm8qLx2bKd7RfGc5PaEu";
    let shop = JwtAuth::new(Key::hs256([7; 32]).unwrap())
        .issuer("https://shop.example")
        .audience("shop")
        .sign_in(MemoryStore::new())
        .clock(clock().clock());
    let sign_in = service_fn(async |request: Request<()>| {
        let auth = auth_core::Auth::<Claims>::of(&request).unwrap();
        let principal = auth_core::Principal::new("alice").scope("read");
        let signed_in = auth.sign_in(principal).as_tokens().await.unwrap();
        Ok::<_, Infallible>(Response::new(String::from(signed_in.tokens.unwrap().access_token)))
    });
    let request = Request::post("/").body(()).unwrap();
    let token = shop.clone().optional().layer(sign_in).oneshot(request).await.unwrap().into_body();
    let service = shop.introspection_service(ClientSecrets::new().client("warehouse", secret));
    let warehouse = Introspection::new("https://shop.example/introspect")
        .client("warehouse", secret)
        .http_client(service)
        .validation(Validation::new().issuer("https://shop.example").audience("shop"))
        .clock(clock().clock())
        .build()
        .unwrap();
    let identity = asks(&warehouse, &token).await.unwrap();
    assert_eq!((identity.subject(), identity.has_scope("read")), ("alice", true));
    shop.sign_in_manager().revoke("alice", auth_core::Revoke::All).await.unwrap();
    let Outcome::Authenticated(_) = warehouse.verify(token.as_bytes()).await else {
        panic!("the answer is cached")
    };
    let (code, _) = status(&warehouse, Require::revalidated(), &token).await;
    assert_eq!(code, 401, "the sign-in has ended");
}

/// The fault: a client that may introspect could make this server fetch the keys of other issuers.
#[tokio::test]
async fn sec_103_our_introspection_endpoint_fetches_no_keys() {
    let server = IssuerServer::start().await.audience("shop");
    let secret = "4hTyZ0vVnJ3sWm8qLx2bKd7RfGc5PaEu";
    let auth = JwtAuth::new(Key::hs256([7; 32]).unwrap())
        .audience("shop")
        .sign_in(MemoryStore::new())
        .trusted_issuer(server.keys(), server.issuer().validation());
    let service = auth.introspection_service(ClientSecrets::new().client("warehouse", secret));
    let client = Introspection::new("https://shop.example/introspect")
        .client("warehouse", secret)
        .http_client(service)
        .build()
        .unwrap();
    let token = server.issuer().token("alice").sign();
    assert_eq!(asks(&client, &token).await.unwrap_err(), "unknown");
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}
