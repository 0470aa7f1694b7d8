//! The conformance suite for backends passes the backends of the workspace and third-party ones, with axum
//! and with Tower alone, and catches each fault in a wrong one.

mod wrong;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth_core::conformance::{self, BackendFixture, CHECKS, Report};
use auth_core::{
    Attempt, Authenticator, ChallengeReason, Clock, ManualClock, Principal, RequestHead, Revoke,
    SignInId,
};
use auth_store::{MemoryStore, Secret, Store};
use axum::Router;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use tower::Layer;

use crate::app::User;
use crate::harness::{
    ApiKeyAuth, Auth, Fault, FaultyStore, SESSION, Setup, TestBackend, fresh_store, start_time,
};

/// A backend over a store of its own.
struct Fixture {
    backend: Auth,
    store: Arc<FaultyStore>,
    clock: ManualClock,
    lifetime: Duration,
}

impl Fixture {
    fn new(store: Arc<dyn Store>, build: impl FnOnce(&Setup) -> Auth) -> Self {
        let store = Arc::new(FaultyStore::new(store));
        let clock = ManualClock::new(start_time());
        let setup = Setup::over(Arc::clone(&store) as Arc<dyn Store>, clock.clock());
        Self { backend: build(&setup), store, clock, lifetime: setup.lifetime.absolute() }
    }
}

#[async_trait]
impl BackendFixture for Fixture {
    type Claims = User;

    fn backend(&self) -> Arc<dyn Authenticator<Claims = User>> {
        Arc::clone(&self.backend)
    }

    fn principal(&self, subject: &str) -> Principal<User> {
        Principal::new(subject).claims(User { name: subject.to_uppercase() })
    }

    fn invalid(&self) -> Vec<HeaderMap> {
        let forged = Secret::generate(SignInId::from_bytes([7; 16])).unwrap().to_text();
        let vary = self.backend.vary().to_str().unwrap().to_owned();
        let mut invalid = Vec::new();
        if vary.contains("cookie") {
            let values = ["abc", "\"", &*forged];
            invalid.extend(values.map(|value| one(header::COOKIE, &format!("{SESSION}={value}"))));
        }
        if vary.contains("authorization") {
            let tokens = ["abc".into(), "a.b.c".into(), format!("tok_{}", *forged)];
            let tokens = tokens.iter().chain([&*forged]);
            invalid.extend(tokens.map(|it| one(header::AUTHORIZATION, &format!("Bearer {it}"))));
        }
        invalid
    }

    async fn expire(&self) -> bool {
        self.clock.advance(self.lifetime);
        true
    }

    async fn revoke(&self, subject: &str) -> bool {
        let sign_ins = self.backend.sign_ins().unwrap().stored_sign_ins();
        sign_ins.revoke(subject, Revoke::All).await.unwrap() > 0
    }

    fn set_failing(&self, failing: bool) -> bool {
        match failing {
            true => self.store.set_all(Fault::Fails),
            false => self.store.clear_faults(),
        }
        true
    }
}

fn one(name: HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
}

/// Runs the suite with Tower alone, and with axum.
async fn passes<F: BackendFixture<Claims = User>>(fresh: impl AsyncFn() -> F) -> Report {
    let with_axum = |layer, handler| Router::new().fallback_service(handler).layer(layer);
    conformance::run(&fresh, with_axum).await.assert_passed();
    let report = with_tower(&fresh).await;
    report.assert_passed();
    report
}

async fn with_tower<F: BackendFixture<Claims = User>>(fresh: impl AsyncFn() -> F) -> Report {
    let with_tower = |layer: conformance::TestLayer<User>, handler| layer.layer(handler);
    conformance::run(fresh, with_tower).await
}

/// Makes a test for each backend. `left_out` are the checks that do not apply to it.
macro_rules! passes {
    ($($backend:ident, left_out: [$($left_out:ident)*];)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $backend() {
                let build = TestBackend::$backend().build;
                let report = passes(async || Fixture::new(fresh_store().await, build)).await;
                let left_out: &[&str] = &[$(stringify!($left_out)),*];
                assert_eq!(report.left_out(), left_out);
                assert_eq!(report.checked() + left_out.len(), CHECKS.len());
            }
        )*
    };
}

passes! {
    session, left_out: [];
    session_bearer, left_out: [];
    token, left_out: [
        sec_82_another_site_cannot_sign_in another_site_cannot_refresh another_site_cannot_sign_out
    ];
    jwt, left_out: [];
    jwt_eddsa, left_out: [];
    both_by_cookie, left_out: [];
    both_by_token, left_out: [];
}

/// A backend that only verifies credentials.
#[derive(Default)]
struct ApiKeys {
    /// Whether keys end with `=`.
    padded: bool,
    /// Whether the suite gets no invalid key.
    no_invalid: bool,
}

/// Accepts the same keys, and what is left of one without the `=` at its end.
struct Padded(ApiKeyAuth);

impl Authenticator for Padded {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        let key = head.headers().get("x-api-key")?.to_str().unwrap().trim_end_matches('=');
        let request = Request::get("/").header("x-api-key", key).body(()).unwrap();
        self.0.authenticate(&RequestHead::from(&request))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        self.0.challenge(reason, headers);
    }

    fn vary(&self) -> HeaderValue {
        self.0.vary()
    }
}

#[async_trait]
impl BackendFixture for ApiKeys {
    type Claims = User;

    fn backend(&self) -> Arc<dyn Authenticator<Claims = User>> {
        let keys = ApiKeyAuth::new(&Setup::over(Arc::new(MemoryStore::new()), Clock::system()));
        if self.padded { Padded(keys).erased() } else { keys.erased() }
    }

    fn principal(&self, subject: &str) -> Principal<User> {
        Principal::new(subject).claims(User::default())
    }

    async fn issue(&self, subject: &str) -> Option<HeaderMap> {
        let padding = if self.padded { "==" } else { "" };
        Some(one(HeaderName::from_static("x-api-key"), &format!("key-of-{subject}{padding}")))
    }

    fn invalid(&self) -> Vec<HeaderMap> {
        if self.no_invalid {
            return Vec::new();
        }
        vec![one(HeaderName::from_static("x-api-key"), "a key of another service")]
    }
}

#[tokio::test]
async fn api_keys() {
    let report = passes(async || ApiKeys::default()).await;
    assert_eq!(report.checked(), 10, "nobody signs in, and keys neither expire nor end");
    assert_eq!(report.left_out().len(), CHECKS.len() - 10);
    assert!(report.to_string().contains("left out: an_expired_credential_is_rejected, "));
}

/// Otherwise, the suite would check nothing and pass.
#[tokio::test]
async fn a_fixture_that_gives_the_suite_nothing_to_check_is_reported() {
    let padded = with_tower(async || ApiKeys { padded: true, ..ApiKeys::default() }).await;
    let none = with_tower(async || ApiKeys { no_invalid: true, ..ApiKeys::default() }).await;
    for (report, check, says) in [
        (padded, "sec_01_a_changed_credential_is_rejected", "without padding"),
        (none, "an_invalid_credential_is_rejected", "returns no credential to reject"),
    ] {
        let failures: Vec<_> = report.failures().collect();
        let found = failures.iter().find(|(name, _)| *name == check);
        assert!(found.is_some_and(|(_, found)| found.to_string().contains(says)), "{failures:?}");
    }
}
