//! The conformance suite for backends passes the backends of the workspace and third-party ones, with axum
//! and with Tower alone, and catches each fault in a wrong one.

mod wrong;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth_core::conformance::{self, BackendFixture, CHECKS, Report};
use auth_core::{Authenticator, Clock, ManualClock, Principal, Revoke, SignInId};
use auth_store::{MemoryStore, Secret, Store};
use axum::Router;
use http::{HeaderMap, HeaderName, HeaderValue, header};
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

/// Makes a test for each backend. `left_out` is the number of checks that do not apply to it.
macro_rules! passes {
    ($($backend:ident, left_out: $left_out:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $backend() {
                let build = TestBackend::$backend().build;
                let report = passes(async || Fixture::new(fresh_store().await, build)).await;
                assert_eq!(report.checked() + $left_out, CHECKS.len());
            }
        )*
    };
}

passes! {
    session, left_out: 0;
    session_bearer, left_out: 0;
    token, left_out: 3;
    jwt, left_out: 0;
    jwt_eddsa, left_out: 0;
    both_by_cookie, left_out: 0;
    both_by_token, left_out: 0;
}

/// A backend that only verifies credentials.
struct ApiKeys;

#[async_trait]
impl BackendFixture for ApiKeys {
    type Claims = User;

    fn backend(&self) -> Arc<dyn Authenticator<Claims = User>> {
        ApiKeyAuth::new(&Setup::over(Arc::new(MemoryStore::new()), Clock::system())).erased()
    }

    fn principal(&self, subject: &str) -> Principal<User> {
        Principal::new(subject).claims(User::default())
    }

    async fn issue(&self, subject: &str) -> Option<HeaderMap> {
        Some(one(HeaderName::from_static("x-api-key"), &format!("key-of-{subject}")))
    }

    fn invalid(&self) -> Vec<HeaderMap> {
        vec![one(HeaderName::from_static("x-api-key"), "a key of another service")]
    }
}

#[tokio::test]
async fn api_keys() {
    let report = passes(async || ApiKeys).await;
    assert_eq!(report.checked(), 10, "nobody signs in, and keys neither expire nor end");
}
