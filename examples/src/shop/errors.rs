//! Every error leaves as JSON: `{"error": "..."}`.

use axum::Json;
use axum::body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

/// The longest text of an error: those of axum and of the library are short.
const MOST: usize = 4096;

/// For `map_response`, outside of the authentication layer: its refusals have no body, and the
/// handlers' errors are plain text.
pub(super) async fn to_json(response: Response) -> Response {
    let status = response.status();
    let error = status.is_client_error() || status.is_server_error();
    if !error || is_json(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = body::to_bytes(body, MOST).await.unwrap_or_default();
    let text =
        if text.is_empty() { in_general(status) } else { String::from_utf8_lossy(&text).into() };
    for replaced in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        parts.headers.remove(replaced);
    }
    (parts, Json(json!({ "error": text }))).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json")
}

fn in_general(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("error").to_lowercase()
}
