//! What all responses of the shop have in common: JSON errors, and headers for browsers.
//!
//! Both functions are for axum's `map_response`, outside of the authentication layer, so that they
//! also apply to its refusals.

use axum::Json;
use axum::body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

use super::options::Deployment;

/// The size limit of an error text, in bytes. The texts of axum and of the library are short.
const MAX_ERROR: usize = 4096;

/// One year: OWASP ASVS 3.4.1 requires at least that.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Not `no-referrer`: browsers would then send `Origin: null` with the shop's own forms.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// Rewrites the body of every error as `{"error": "..."}`. The refusals of the authentication layer
/// have no body, and the errors of handlers are plain text.
pub(super) async fn errors_as_json(response: Response) -> Response {
    let status = response.status();
    let error = status.is_client_error() || status.is_server_error();
    if !error || is_json(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = body::to_bytes(body, MAX_ERROR).await.unwrap_or_default();
    let text = if text.is_empty() { reason(status) } else { String::from_utf8_lossy(&text).into() };
    for replaced in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        parts.headers.remove(replaced);
    }
    (parts, Json(json!({ "error": text }))).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json")
}

fn reason(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("error").to_lowercase()
}

/// The `Cache-Control` of every response, unless a handler allows more. The authentication layer adds it to
/// responses to known users, and [`add_headers`] to all others.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Adds the headers that protect browsers.
pub(super) async fn add_headers(
    State(deployment): State<Deployment>,
    mut response: Response,
) -> Response {
    let headers = response.headers_mut();
    headers.extend(ALWAYS);
    if deployment == Deployment::BehindTls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    response
}
