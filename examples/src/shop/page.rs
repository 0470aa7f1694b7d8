//! The page: plain HTML, and a little script that calls the JSON endpoints.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

/// Nothing but the shop's own script and style, no frames, and forms that go nowhere else. The
/// empty icon is a `data:` URL.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page, for everybody: who the user is, its script asks.
pub(super) fn router() -> Router {
    let page = ([(CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("page.html")));
    let script = ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page.js"));
    let style = ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page.css"));
    Router::new()
        .route("/", get(async || page))
        .route("/page.js", get(async || script))
        .route("/page.css", get(async || style))
}
