//! A request's body, as JSON or as a form.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::{Form, Json};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

/// A value from the body, and how it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<T> {
    pub(super) value: T,
    pub(super) format: Format,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    /// What a page sends without scripts (`application/x-www-form-urlencoded`).
    Form,
}

/// Another content type, or none: 415. A body that is no `T`: 400. Too much of it: 413.
impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = (StatusCode, String);

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let format = format(request.headers()).ok_or_else(|| {
            let wanted = "send application/json or application/x-www-form-urlencoded";
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, wanted.to_owned())
        })?;
        let value = match format {
            Format::Json => <Json<T> as FromRequest<S>>::from_request(request, state)
                .await
                .map(|Json(value)| value)
                .map_err(|error| refusal(error.status(), error.body_text())),
            Format::Form => Form::from_request(request, state)
                .await
                .map(|Form(value)| value)
                .map_err(|error| refusal(error.status(), error.body_text())),
        };
        Ok(Self { value: value?, format })
    }
}

/// `None` if there is no body, whatever its type would be.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Input<T> {
    type Rejection = (StatusCode, String);

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| refusal(error.status(), error.body_text()))?;
        if body.is_empty() {
            return Ok(None);
        }
        let request = Request::from_parts(parts, Body::from(body));
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

fn refusal(status: StatusCode, text: String) -> (StatusCode, String) {
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
    fn the_content_type_says_how_it_is_written() {
        let cases = [
            ("application/json", Some(Format::Json)),
            ("Application/JSON; charset=utf-8", Some(Format::Json)),
            ("application/x-www-form-urlencoded", Some(Format::Form)),
            ("text/plain", None),
            ("multipart/form-data; boundary=x", None),
            ("", None),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(format(&headers), expected, "{value}");
        }
        assert_eq!(format(&HeaderMap::new()), None);
    }
}
