//! The page of the shop: static HTML, and a script that calls the JSON endpoints.
//!
//! The files are the same for all users. The script asks `GET /me` who is signed in.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

/// Allows the shop's own script and style, and forms that submit to the shop. Forbids frames. The
/// empty icon is a `data:` URL.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Returns the routes of the page, its script and its style.
pub(super) fn router() -> Router {
    let page = ([(CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("page.html")));
    let script = ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page.js"));
    let style = ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page.css"));
    Router::new()
        .route("/", get(async || page))
        .route("/page.js", get(async || script))
        .route("/page.css", get(async || style))
}
