//! What every response says to browsers.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// How clients reach the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Through a proxy that ends TLS.
    BehindTls,
    /// By plain http on this machine, for development.
    InsecureLoopback,
}

/// A year, as OWASP ASVS 3.4.1 asks for at least.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Not `no-referrer`: browsers would then send `Origin: null` with the shop's own forms.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// For `map_response`, outside of everything else.
pub(super) async fn add(State(transport): State<Exposure>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.extend(ALWAYS);
    if transport == Exposure::BehindTls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    // What the shop says depends on who asks; nobody on the way should keep it.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
