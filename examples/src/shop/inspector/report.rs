//! The report: what a request carried, and what was recorded while the shop answered it.
//!
//! It is JSON in a header of the response, so only the client that sent the request receives it. A page
//! of another site cannot ask for it: a request with the header `Inspect` needs a preflight.

use std::fmt::Write as _;
use std::sync::Arc;

use auth_core::{Auth, AuthContext, Identity};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::recorder::{Decision, Outcome, Records, record, recorded};
use super::store::micros_since;
use crate::users::User;

/// The header of a request that asks for a report. With the value `paused`, the store does not answer
/// this request.
const INSPECT: HeaderName = HeaderName::from_static("inspect");
/// The header of a response that contains the report.
pub(super) const INSPECTION: HeaderName = HeaderName::from_static("inspection");

#[derive(Serialize)]
struct Report {
    /// The size of all headers of the request, as HTTP/1.1 sends them.
    header_bytes: usize,
    cookies: Vec<Cookie>,
    set_cookies: Vec<SetCookie>,
    #[serde(flatten)]
    records: Records,
    /// The kind of the store.
    store: Arc<str>,
    /// How long the shop took.
    micros: u64,
}

/// A cookie of the request, without its value.
#[derive(Serialize)]
struct Cookie {
    name: String,
    bytes: usize,
    fingerprint: String,
}

/// A cookie that the response sets or removes.
#[derive(Serialize)]
struct SetCookie {
    #[serde(flatten)]
    cookie: Cookie,
    attributes: String,
    removed: bool,
}

/// Adds the report to the response, if the request asks for it.
pub(super) async fn add_report(
    State(store): State<Arc<str>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(asked) = request.headers().get(INSPECT) else { return next.run(request).await };
    let store_is_paused = asked == "paused";
    let (header_bytes, cookies) = (header_bytes(request.headers()), cookies(request.headers()));
    let started = Instant::now();
    let (mut response, records) = recorded(store_is_paused, next.run(request)).await;
    let micros = micros_since(started);
    let set_cookies = set_cookies(response.headers());
    let report = Report { header_bytes, cookies, set_cookies, records, store, micros };
    response.headers_mut().insert(INSPECTION, header_value(&report));
    response
}

/// Records who sent the request. For a middleware inside of the authentication layer.
pub(super) async fn record_decision(request: Request) -> Request {
    if let Ok(auth) = Auth::<User>::of(&request) {
        let known = request.extensions().get::<AuthContext>().and_then(|it| it.state().sign_in());
        let outcome = match (auth.identity(), auth.rejection(), known) {
            (Some(_), ..) => Outcome::User,
            (_, Some(_), _) => Outcome::Rejected,
            (.., Some(_)) => Outcome::Visitor,
            _ => Outcome::Nobody,
        };
        let user = auth.identity();
        let decision = Decision {
            outcome,
            subject: user.map(|user| user.subject().to_owned()),
            roles: user.into_iter().flat_map(Identity::roles).map(str::to_owned).collect(),
            scheme: user.map(Identity::scheme),
            sign_in: user.and_then(Identity::sign_in).map(|id| id.to_string()),
        };
        record(|records| {
            records.reason =
                auth.rejection().map(|it| it.reason.to_string()).or(records.reason.take());
            records.decision = Some(decision);
        });
    }
    request
}

/// Returns the size of the headers: each has a colon, a space and a line end.
fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn cookies(headers: &HeaderMap) -> Vec<Cookie> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split("; ")).filter_map(Cookie::of).collect()
}

impl Cookie {
    /// Parses a pair `name=value`.
    fn of(pair: &str) -> Option<Self> {
        let (name, value) = pair.split_once('=')?;
        let mut fingerprint = String::new();
        for byte in &Sha256::digest(value)[..4] {
            let _ = write!(fingerprint, "{byte:02x}");
        }
        Some(Self { name: name.to_owned(), bytes: value.len(), fingerprint })
    }
}

fn set_cookies(headers: &HeaderMap) -> Vec<SetCookie> {
    let lines = headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let parse = |line: &str| {
        let (pair, attributes) = line.split_once("; ").unwrap_or((line, ""));
        let cookie = Cookie::of(pair)?;
        let removed = cookie.bytes == 0;
        Some(SetCookie { cookie, attributes: attributes.to_owned(), removed })
    };
    lines.filter_map(parse).collect()
}

/// Returns the report as JSON in ASCII, which a header can contain.
fn header_value(report: &Report) -> HeaderValue {
    let json = serde_json::to_string(report).unwrap_or_default();
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    HeaderValue::try_from(ascii).unwrap_or_else(|_| HeaderValue::from_static("{}"))
}
