//! The report: what a request carried, and what was recorded while the shop answered it.
//!
//! It is JSON in a header of the response, so only the client that sent the request receives it. A page
//! of another site cannot ask for it: a request with the header `Inspect` needs a preflight.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use auth_core::{Auth, AuthContext, Identity};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::lab;
use super::recorder::{Decision, Outcome, Records, record, recorded};
use super::store::micros_since;
use crate::users::User;

/// The header of a request that asks for a report. With the value `paused`, the store does not answer
/// this request.
const INSPECT: HeaderName = HeaderName::from_static("inspect");
/// The header of a response that contains the report.
pub(super) const INSPECTION: HeaderName = HeaderName::from_static("inspection");
/// The cookies of the shop, which serves plain HTTP while the inspector is on.
const COOKIES: [&str; 2] = ["session", "refresh"];

#[derive(Serialize)]
struct Report {
    /// The size of all headers of the request, as HTTP/1.1 sends them.
    header_bytes: usize,
    /// Those that can be credentials.
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

/// Adds the report to the response, if the request asks for it and names this machine.
pub(super) async fn add_report(
    State(store): State<Arc<str>>,
    request: Request,
    next: Next,
) -> Response {
    let asked = request.headers().get(INSPECT).filter(|_| names_this_machine(&request));
    let Some(asked) = asked else { return next.run(request).await };
    let store_is_paused = asked == "paused";
    let (header_bytes, cookies) = (header_bytes(request.headers()), cookies(&request));
    let started = Instant::now();
    let (mut response, records) = recorded(store_is_paused, next.run(request)).await;
    let micros = micros_since(started);
    let set_cookies = set_cookies(response.headers());
    let report = Report { header_bytes, cookies, set_cookies, records, store, micros };
    response.headers_mut().insert(INSPECTION, header_value(&report));
    response
}

/// Refuses a request that does not name this machine as its host, as if the route did not exist.
pub(super) async fn refuse_other_hosts(request: Request, next: Next) -> Response {
    if names_this_machine(&request) {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// Returns whether the host of the request is a loopback address or a name for it (RFC 6761 section 6.3). A page
/// whose own name suddenly leads to this machine (DNS rebinding) counts as the same site to a browser, but the
/// request has the name of the page.
fn names_this_machine(request: &Request) -> bool {
    let header = request.headers().get(header::HOST);
    let header = header.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let Some(authority) = request.uri().authority().or(header.as_ref()) else { return false };
    let host = authority.host().to_ascii_lowercase();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|it| it.is_loopback())
}

/// Records who sent the request. For a middleware inside of the authentication layer.
pub(super) async fn record_decision(request: Request) -> Request {
    if let Ok(auth) = Auth::<User>::of(&request) {
        let known = request.extensions().get::<AuthContext>().and_then(|it| it.state().sign_in());
        let outcome = match (auth.identity(), auth.rejection(), known) {
            (Some(_), ..) => Outcome::User,
            (_, Some(_), _) => Outcome::Rejected,
            (.., Some(_)) => Outcome::Visitor,
            _ => Outcome::Unidentified,
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

/// Returns the cookies that the layer of this route reads. A browser also sends those of every other program at
/// `localhost`, whatever its port.
fn cookies(request: &Request) -> Vec<Cookie> {
    let names: &[_] =
        if request.uri().path().starts_with("/compare/") { &[lab::COOKIE] } else { &COOKIES };
    let lines = request.headers().get_all(header::COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split("; "));
    pairs.filter_map(Cookie::of).filter(|cookie| names.contains(&&*cookie.name)).collect()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use auth_core::Clock;
    use auth_store::MemoryStore;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Path;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use clap::Parser as _;
    use serde_json::{Value, json};
    use tokio::sync::Barrier;
    use tower::ServiceExt as _;
    use tracing::subscriber::set_default;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::shop::inspector::{event_layer, observed};
    use crate::shop::{Deployment, Options, app, authentication};

    async fn shop(auth: &str) -> Router {
        let options = Options::parse_from(["shop", "--customers", "1", "--auth", auth]);
        let deployment = Deployment::InsecureLoopback;
        let authentication = authentication(&options, deployment, &Clock::system()).await.unwrap();
        app(options.users(), authentication, deployment)
    }

    /// Returns a request that asks for a report.
    fn ask(method: &str, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path).header("inspect", "1")
    }

    async fn send(app: &Router, request: http::request::Builder, body: &Value) -> Response {
        let request = request.header(header::CONTENT_TYPE, "application/json");
        app.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap()
    }

    /// Sends a request to `localhost`, and returns the report with the response.
    async fn inspect(
        app: &Router,
        request: http::request::Builder,
        body: &Value,
    ) -> (Response, Value) {
        let response = send(app, request.header(header::HOST, "localhost:3000"), body).await;
        let report = response.headers()[INSPECTION].to_str().unwrap();
        let report = serde_json::from_str(report).unwrap();
        (response, report)
    }

    fn login() -> Value {
        json!({ "username": "customer1", "password": "guest" })
    }

    #[tokio::test]
    async fn the_report_contains_the_decision_and_the_calls_of_the_store() {
        let app = shop("session").await;
        let (response, report) = inspect(&app, ask("POST", "/login"), &login()).await;
        assert_eq!(
            (response.status(), &report["decision"]["outcome"]),
            (StatusCode::OK, &json!("unidentified"))
        );
        let calls = report["calls"].as_array().unwrap();
        assert!(calls.iter().any(|call| call["op"] == "create"), "{report}");
        assert_eq!(report["set_cookies"][0]["attributes"], "HttpOnly; SameSite=Lax; Path=/");

        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let (pair, _) = cookie.split_once(';').unwrap();
        let me = ask("GET", "/me").header(header::COOKIE, pair);
        let (_, known) = inspect(&app, me, &Value::Null).await;
        assert_eq!((&known["peeks"], &known["calls"]), (&json!(["hit"]), &json!([])));
        let decision = &known["decision"];
        assert_eq!(
            (&decision["outcome"], &decision["subject"]),
            (&json!("user"), &json!("customer1"))
        );
        assert_eq!(known["cookies"][0]["fingerprint"], report["set_cookies"][0]["fingerprint"]);
        let (_, secret) = pair.split_once('=').unwrap();
        assert!(!known.to_string().contains(secret) && !report.to_string().contains(secret));
    }

    #[tokio::test]
    async fn cookies_of_other_programs_are_no_credentials() {
        for (auth, layer) in [("session", ""), ("jwt", ""), ("jwt", "/compare/cookie")] {
            let app = shop(auth).await;
            let login = ask("POST", &format!("{layer}/login"));
            let (_, report) = inspect(&app, login, &self::login()).await;
            let own = report["set_cookies"][0]["name"].as_str().unwrap();
            let others = if layer.is_empty() { "compare=v" } else { "session=v; refresh=w" };
            let cookies = format!("theme=dark; {own}=x; {own}2=y; a{own}=z; {others}");
            let me = ask("GET", &format!("{layer}/me")).header(header::COOKIE, cookies);
            let (_, report) = inspect(&app, me, &Value::Null).await;
            let cookies = report["cookies"].as_array().unwrap();
            let names: Vec<_> = cookies.iter().map(|cookie| &cookie["name"]).collect();
            assert_eq!(names, [own], "{auth} {layer}");
        }
    }

    #[tokio::test]
    async fn only_a_request_to_this_machine_is_inspected() {
        let app = shop("both").await;
        let page = "/other-site/localhost";
        for (host, expected) in [
            ("localhost:3000", true),
            ("LOCALHOST:3000", true),
            ("shop.localhost:3000", true),
            ("127.0.0.1:3000", true),
            ("[::1]:3000", true),
            ("shop.example:3000", false),
            ("localhost.shop.example:3000", false),
            ("notlocalhost:3000", false),
            ("127.0.0.1.shop.example:3000", false),
            ("192.0.2.1:3000", false),
        ] {
            let me = ask("GET", "/me").header(header::HOST, host);
            let reported = send(&app, me, &Value::Null).await.headers().contains_key(INSPECTION);
            let page = ask("GET", page).header(header::HOST, host);
            let found = send(&app, page, &Value::Null).await.status() == StatusCode::OK;
            let login = ask("POST", "/compare/cookie/login").header(header::HOST, host);
            let signed_in = send(&app, login, &self::login()).await.status() == StatusCode::OK;
            assert_eq!([reported, found, signed_in], [expected; 3], "{host}");
        }
        // The target of the request precedes the header (RFC 9112 section 3.2.2).
        let me = ask("GET", "http://shop.example/me").header(header::HOST, "localhost");
        assert!(!send(&app, me, &Value::Null).await.headers().contains_key(INSPECTION));
        let without = send(&app, ask("GET", "/me"), &Value::Null).await;
        assert!(!without.headers().contains_key(INSPECTION));
    }

    /// Both requests are in progress whenever one of them is recorded.
    #[tokio::test]
    async fn concurrent_requests_are_reported_separately() {
        let _subscriber = set_default(tracing_subscriber::registry().with(event_layer()));
        let store = observed(Arc::new(MemoryStore::new()));
        let meeting = Arc::new(Barrier::new(2));
        let handler = async move |Path(name): Path<String>| {
            tracing::info!(target: "auth_core", "begin of {name}");
            meeting.wait().await;
            let _ = match &*name {
                "list" => store.list("alice").await.map(drop),
                _ => store.revoke_subject("alice").await.map(drop),
            };
            meeting.wait().await;
            tracing::info!(target: "auth_core", "end of {name}");
        };
        let reports = from_fn_with_state(Arc::from("memory"), add_report);
        let app = Router::new().route("/{name}", get(handler)).layer(reports);

        let paused = Request::get("/revoke").header("inspect", "paused");
        let ((_, list), (_, revoke)) = tokio::join!(
            inspect(&app, ask("GET", "/list"), &Value::Null),
            inspect(&app, paused, &Value::Null)
        );
        for (report, name, op, error) in [
            (list, "list", "list", Value::Null),
            (revoke, "revoke", "revoke_subject", json!("unavailable")),
        ] {
            let calls = report["calls"].as_array().unwrap();
            assert_eq!(calls.len(), 1, "{report}");
            assert_eq!((&calls[0]["op"], &calls[0]["error"]), (&json!(op), &error));
            let events = report["events"].as_array().unwrap();
            let texts: Vec<_> =
                events.iter().map(|event| event["text"].as_str().unwrap()).collect();
            assert_eq!(texts, [format!("begin of {name}"), format!("end of {name}")]);
        }
    }

    #[test]
    fn text_of_any_language_fits_into_the_header() {
        let subject = Some("Zoë \"🍵\"\n".to_owned());
        let (outcome, roles) = (Outcome::User, Vec::new());
        let decision = Decision { outcome, subject, roles, scheme: None, sign_in: None };
        let records = Records { decision: Some(decision), ..Records::default() };
        let report = Report {
            header_bytes: 0,
            cookies: vec![],
            set_cookies: vec![],
            records,
            store: "memory".into(),
            micros: 1,
        };
        let parsed: Value = serde_json::from_str(header_value(&report).to_str().unwrap()).unwrap();
        assert_eq!(parsed["decision"]["subject"], "Zoë \"🍵\"\n");
    }
}
