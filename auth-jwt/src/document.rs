//! What the services of this crate share: they are always ready, and those that serve one document in JSON, such
//! as a key set, respond alike.

use std::time::Duration;

use http::{HeaderValue, Method, Response, StatusCode, header};

/// Implements the parts of `tower_service::Service` that all services of this crate share, with `call` left to
/// write. The argument is the type of the future without its output.
macro_rules! always_ready {
    ($future:ident) => {
        type Response = ::http::Response<String>;
        type Error = ::std::convert::Infallible;
        type Future = $future<Result<Self::Response, Self::Error>>;

        fn poll_ready(
            &mut self,
            _: &mut ::std::task::Context<'_>,
        ) -> ::std::task::Poll<Result<(), Self::Error>> {
            ::std::task::Poll::Ready(Ok(()))
        }
    };
}
pub(crate) use always_ready;

/// Responds to GET and HEAD with a document that anyone may cache for this long, and to other methods with 405.
pub(crate) fn response(
    method: &Method,
    content_type: &'static str,
    max_age: Duration,
    document: String,
) -> Response<String> {
    let mut response = Response::new(String::new());
    let headers = response.headers_mut();
    if !matches!(*method, Method::GET | Method::HEAD) {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(value) = HeaderValue::try_from(format!("public, max-age={}", max_age.as_secs())) {
        headers.insert(header::CACHE_CONTROL, value);
    }
    headers.insert(header::CONTENT_LENGTH, document.len().into());
    if method == Method::GET {
        *response.body_mut() = document;
    }
    response
}
