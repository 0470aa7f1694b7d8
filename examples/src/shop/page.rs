//! The page of the shop: static HTML, and scripts that call the JSON endpoints.
//!
//! The files are the same for all users. The scripts ask `GET /me` who is signed in. The parts that show
//! and compare requests are hidden until a response contains a report of the inspector.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

/// Allows the shop's own scripts and style, and forms that submit to the shop. Forbids frames. The
/// empty icon is a `data:` URL.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The files of the page, each with its content type.
const FILES: [(&str, &str, &str); 9] = [
    ("/page.css", CSS, include_str!("page/page.css")),
    ("/elements.js", SCRIPT, include_str!("page/elements.js")),
    ("/client.js", SCRIPT, include_str!("page/client.js")),
    ("/events.js", SCRIPT, include_str!("page/events.js")),
    ("/inspector.js", SCRIPT, include_str!("page/inspector.js")),
    ("/report.js", SCRIPT, include_str!("page/report.js")),
    ("/compare.js", SCRIPT, include_str!("page/compare.js")),
    ("/attacks.js", SCRIPT, include_str!("page/attacks.js")),
    ("/shop.js", SCRIPT, include_str!("page/shop.js")),
];
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Returns the routes of the page, its scripts and its style.
pub(super) fn router() -> Router {
    let page = ([(CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("page/page.html")));
    let router = Router::new().route("/", get(async || page));
    FILES.into_iter().fold(router, |router, (path, content_type, text)| {
        router.route(path, get(async move || ([(CONTENT_TYPE, content_type)], text)))
    })
}
