//! The list of all checks, and how a backend is put through them.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::time::timeout;
use tower_service::Service;

use super::application::{Handler, TestLayer, Tested};
use super::fixture::BackendFixture;
use super::report::{Report, Violation};
use super::{credentials, origins, sign_ins};

/// How long a check may take: longer than any backend needs that answers.
const LIMIT: Duration = Duration::from_secs(60);

macro_rules! checks {
    ($($file:ident: $($check:ident)*;)*) => {
        /// The rules that the suite checks, written as names of tests.
        pub const CHECKS: &[&str] = &[$($(stringify!($check)),*),*];

        async fn put<F: BackendFixture>(
            check: &str,
            tested: &Tested<F>,
        ) -> Result<Checked, Violation> {
            match check {
                $($(stringify!($check) => $file::$check(tested).await,)*)*
                _ => Err(Violation::new("there is no such check")),
            }
        }
    };
}

checks! {
    credentials:
        a_request_without_a_credential_is_challenged
        a_request_without_a_credential_is_anonymous
        an_unrelated_header_is_no_credential
        a_valid_credential_identifies_its_user
        sec_44_a_response_varies_by_the_credential
        an_invalid_credential_is_rejected
        sec_01_a_changed_credential_is_rejected
        sec_34_two_different_credentials_are_rejected
        an_expired_credential_is_rejected
        a_revoked_credential_is_rejected
        sec_76_a_failure_is_reported_as_unavailable
        a_challenge_names_the_missing_scope;
    origins:
        sec_38_another_site_cannot_use_an_ambient_credential
        sec_82_another_site_cannot_sign_in
        another_site_cannot_refresh
        another_site_cannot_sign_out;
    sign_ins:
        a_sign_in_delivers_a_valid_credential
        sec_44_a_delivered_credential_is_never_cached
        sec_83_a_sign_in_ends_the_credential_of_its_request
        sec_06_a_sign_in_never_adopts_a_credential
        a_sign_in_is_listed_once
        a_refresh_replaces_the_credential_of_the_same_sign_in
        a_refresh_needs_a_valid_credential
        a_sign_out_ends_the_sign_in
        a_sign_out_spares_other_sign_ins
        a_sign_out_may_be_repeated
        a_revocation_of_the_others_spares_only_this_one
        a_failed_sign_in_delivers_no_credential;
}

/// The result of a check that found no violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    Passed,
    /// The backend cannot do what is checked.
    LeftOut,
}

/// Runs all [`CHECKS`] that apply to the backend, one after the other. [`Report::left_out`] names the others.
///
/// `fresh` creates a backend without sign-ins for each check. `mount` puts its layer around the handler: with
/// `tower`, it is `|layer, handler| layer.layer(handler)`; with axum,
/// `|layer, handler| Router::new().fallback_service(handler).layer(layer)`.
pub async fn run<F, A, B>(
    fresh: impl AsyncFn() -> F,
    mount: impl Fn(TestLayer<F::Claims>, Handler<F::Claims>) -> A,
) -> Report
where
    F: BackendFixture,
    A: Service<Request<String>, Response = Response<B>> + Clone + Send + Sync + 'static,
    A::Future: Send,
    A::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let mut report = Report::default();
    for check in CHECKS {
        let tested = Tested::new(Arc::new(fresh().await), &mount);
        match timeout(LIMIT, put(check, &tested)).await {
            Ok(Ok(Checked::Passed)) => report.add(check, Ok(())),
            Ok(Ok(Checked::LeftOut)) => report.leave_out(check),
            Ok(Err(violation)) => report.add(check, Err(violation)),
            Err(_) => report.add(check, Err(Violation::new("the check did not end in a minute"))),
        }
    }
    report
}
