//! The credential that a client has after a login.

use http::{Method, header};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::http::Http;
use super::tokens::bearer;

/// The kind of credential that the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Cookie,
    Token,
}

/// What a client sends after its login.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    /// The header line, as `name: value`.
    pub(crate) header: String,
    /// The refresh token of a token.
    pub(crate) refresh: Option<String>,
}

impl Credential {
    /// Reads the response to a login or a refresh.
    pub(crate) fn of(kind: Kind, response: &http::Response<Bytes>) -> Self {
        if kind == Kind::Cookie {
            let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
            let pair = cookie.split(';').next().unwrap();
            return Self { header: format!("cookie: {pair}"), refresh: None };
        }
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self { header: bearer(&text("access_token")), refresh: Some(text("refresh_token")) }
    }
}

/// Returns the body of a customer's login.
pub(crate) fn login(customer: u32, kind: Kind) -> Value {
    json!({
        "username": format!("customer{customer}"),
        "password": "guest",
        "credential": if kind == Kind::Cookie { "cookie" } else { "token" },
        "delivery": "body",
    })
}

/// Signs in the first `count` customers, each by cookie and by token, and returns the header lines.
pub(crate) async fn customers(http: &Http, shop: &str, count: u32) -> Vec<String> {
    const CONCURRENCY: u32 = 4;
    let tasks: Vec<_> = (1..=CONCURRENCY)
        .map(|first| {
            let (http, url) = (http.clone(), format!("{shop}/login"));
            tokio::spawn(async move {
                let mut headers = Vec::new();
                for customer in (first..=count).step_by(CONCURRENCY as usize) {
                    for kind in [Kind::Cookie, Kind::Token] {
                        let body = login(customer, kind).to_string().into();
                        let response = http.send(Method::POST, &url, None, body).await.unwrap();
                        assert_eq!(response.status(), 200);
                        headers.push(Credential::of(kind, &response).header);
                    }
                }
                headers
            })
        })
        .collect();
    let mut headers = Vec::new();
    for task in tasks {
        headers.extend(task.await.unwrap());
    }
    headers
}
