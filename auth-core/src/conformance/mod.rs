//! The conformance suite that every backend has to pass: every implementation of
//! [`Authenticator`](crate::Authenticator).
//!
//! Each check in [`CHECKS`] sends requests through the layer of the backend to a handler, and examines the
//! responses, as a client would. It verifies one rule. The rules state how the backend distinguishes absent,
//! malformed, duplicate, expired and revoked credentials, what other sites can do, what a challenge offers,
//! what caches may store, and what a sign-in, a refresh and a sign-out do. The suite leaves out checks that
//! do not apply to a backend, such as those of sign-ins if the backend only verifies credentials.
//!
//! The author of a backend implements [`BackendFixture`], which creates the backend. The second argument of
//! [`run`] puts the layer around the handler, so that the suite runs in any framework. The [`Handler`] is a
//! Tower service for every request body.
//!
//! ```
//! use std::sync::Arc;
//!
//! use auth_core::conformance::{self, BackendFixture};
//! # use auth_core::{Attempt, AuthenticationInfo, ChallengeReason, Identity, Outcome, RequestHead};
//! # use auth_core::{Challenge, Rejection, RejectionReason};
//! use auth_core::{Authenticator, Claims, Principal};
//! use axum::Router;
//! use http::{HeaderMap, HeaderValue};
//! use tower_layer::Layer;
//!
//! # struct ApiKeys;
//! # impl Authenticator for ApiKeys {
//! #     type Claims = Claims;
//! #     fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<Claims>> {
//! #         let mut keys = head.headers().get_all("x-api-key").iter();
//! #         let rejected = |reason| Outcome::Rejected(Rejection::new("api-key", reason));
//! #         Some(Attempt::explicit(match (keys.next()?, keys.next()) {
//! #             (_, Some(_)) => rejected(RejectionReason::Duplicate),
//! #             (key, None) => match key.to_str().ok().and_then(|key| key.strip_prefix("key-of-")) {
//! #                 Some(subject) => {
//! #                     let info = AuthenticationInfo::new("api-key", None);
//! #                     Outcome::Authenticated(Identity::verified(Principal::new(subject), info))
//! #                 }
//! #                 None => rejected(RejectionReason::Malformed),
//! #             },
//! #         }))
//! #     }
//! #     fn challenge(&self, _: &ChallengeReason<'_>, headers: &mut HeaderMap) {
//! #         Challenge::new("ApiKey").append_to(headers);
//! #     }
//! #     fn vary(&self) -> HeaderValue {
//! #         HeaderValue::from_static("x-api-key")
//! #     }
//! # }
//! /// An `Authenticator` for the header `X-Api-Key`.
//! struct ApiKeyFixture;
//!
//! #[async_trait::async_trait]
//! impl BackendFixture for ApiKeyFixture {
//!     type Claims = Claims;
//!
//!     fn backend(&self) -> Arc<dyn Authenticator<Claims = Claims>> {
//!         ApiKeys.erased()
//!     }
//!
//!     fn principal(&self, subject: &str) -> Principal {
//!         Principal::new(subject)
//!     }
//!
//!     async fn issue(&self, subject: &str) -> Option<HeaderMap> {
//!         let key = HeaderValue::try_from(format!("key-of-{subject}")).ok()?;
//!         Some(HeaderMap::from_iter([(http::HeaderName::from_static("x-api-key"), key)]))
//!     }
//!
//!     fn invalid(&self) -> Vec<HeaderMap> {
//!         let malformed = HeaderValue::from_static("a key of another service");
//!         vec![HeaderMap::from_iter([(http::HeaderName::from_static("x-api-key"), malformed)])]
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let with_tower = |layer: conformance::TestLayer<Claims>, handler| layer.layer(handler);
//! conformance::run(async || ApiKeyFixture, with_tower).await.assert_passed();
//!
//! let with_axum = |layer, handler| Router::new().fallback_service(handler).layer(layer);
//! conformance::run(async || ApiKeyFixture, with_axum).await.assert_passed();
//! # }
//! ```
//!
//! The suite needs a Tokio runtime. A number in a check's name, as in `sec_38`, is that of the security
//! requirement it covers. `auth_store::conformance` is the suite for stores, and has the same [`Report`].

mod application;
mod credentials;
mod fixture;
mod origins;
mod report;
mod sign_ins;
mod suite;

pub use application::{Handler, TestLayer};
pub use fixture::BackendFixture;
pub use report::{Report, Violation, ensure};
pub use suite::{CHECKS, run};
