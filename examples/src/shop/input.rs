//! An extractor for request bodies in JSON or as a form.
//!
//! The page's script sends JSON. Without scripts, a browser sends forms.

use auth_core::ReturnPath;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

/// A value from the request body, and the format of that body.
///
/// Rejects another content type, or none, with 415, a body that is not a `T` with 400, and a body that
/// exceeds the size limit with 413.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<T>(pub(super) T, pub(super) Format);

/// The format of a request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// Answers a form: redirects to the page that it names, or to the home page if that is on another site.
pub(super) fn redirect(next: &str) -> Response {
    let next: ReturnPath = next.parse().unwrap_or_default();
    Redirect::to(next.as_str()).into_response()
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = (StatusCode, String);

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let format = format(request.headers()).ok_or_else(|| {
            let error = "send application/json or application/x-www-form-urlencoded";
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_owned())
        })?;
        let value = match format {
            Format::Json => <Json<T> as FromRequest<S>>::from_request(request, state)
                .await
                .map(|Json(value)| value)
                .map_err(|error| rejection(error.status(), error.body_text())),
            Format::Form => Form::from_request(request, state)
                .await
                .map(|Form(value)| value)
                .map_err(|error| rejection(error.status(), error.body_text())),
        };
        Ok(Self(value?, format))
    }
}

/// Extracts `None` from an empty body, whatever its content type.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Input<T> {
    type Rejection = (StatusCode, String);

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| rejection(error.status(), error.body_text()))?;
        if body.is_empty() {
            return Ok(None);
        }
        let request = Request::from_parts(parts, Body::from(body));
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

/// axum answers a body of the right format and the wrong type with 422. The shop answers 400.
fn rejection(status: StatusCode, text: String) -> (StatusCode, String) {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => (status, text),
        _ => (StatusCode::BAD_REQUEST, text),
    }
}

fn format(headers: &HeaderMap) -> Option<Format> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match content_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "application/json" => Some(Format::Json),
        "application/x-www-form-urlencoded" => Some(Format::Form),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_content_type_determines_the_format() {
        let of = |content_type| {
            let value = HeaderValue::from_static(content_type);
            format(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
        };
        for json in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(of(json), Some(Format::Json), "{json}");
        }
        assert_eq!(of("application/x-www-form-urlencoded"), Some(Format::Form));
        for other in ["text/plain", "multipart/form-data; boundary=x", ""] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(format(&HeaderMap::new()), None);
    }
}
