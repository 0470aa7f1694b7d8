//! Why a login failed, as the user sees it.

use std::error::Error;
use std::fmt::Display;

use auth_core::AuthError;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

/// The response to a login that failed: a status, and plain text.
pub(super) struct Failure(Response);

impl Failure {
    /// The request does not belong to a login of this browser, or the provider refuses its code.
    pub(super) fn rejected(text: &'static str) -> Self {
        Self((StatusCode::BAD_REQUEST, text).into_response())
    }

    /// The provider cannot be reached, so the user may try again.
    pub(super) fn unreachable(error: &(dyn Error + 'static)) -> Self {
        tracing::warn!(error, "provider unreachable");
        Self::unavailable()
    }

    /// The same, without a new attempt to reach it.
    pub(super) fn unavailable() -> Self {
        let text = "the provider does not answer; try again later\n";
        Self((StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], text).into_response())
    }

    /// The provider's response violates OpenID Connect. The reason is only logged.
    pub(super) fn invalid(why: impl Display) -> Self {
        tracing::warn!(%why, "invalid answer of the provider");
        Self((StatusCode::BAD_GATEWAY, "the provider's answer is invalid\n").into_response())
    }

    /// The provider has refused the login with this error code (RFC 6749 section 4.1.2.1, OpenID Connect Core
    /// section 3.1.2.6). The code and the description are shown as plain text.
    pub(super) fn refused(code: &str, description: Option<&str>) -> Self {
        let status = match code {
            "access_denied"
            | "login_required"
            | "consent_required"
            | "interaction_required"
            | "account_selection_required" => StatusCode::FORBIDDEN,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY, // this application is not registered as it behaves
        };
        tracing::info!(code, "login refused by the provider");
        let description = description.map(|text| format!(": {text}")).unwrap_or_default();
        let text = format!("the provider refused the login ({code}{description})\n");
        Self((status, text).into_response())
    }
}

/// The layer's own response, such as 503 if the store does not answer.
impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        Self(error.into_response())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0
    }
}
