//! What a client has after a login.

use http::{Method, Response, header};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::http::Http;

/// How the client is to be told that it is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum By {
    Cookie,
    Token,
}

/// What a client sends from then on.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    /// As `name: value`.
    pub(crate) header: String,
    /// What a token is refreshed with.
    pub(crate) refresh: Option<String>,
}

impl Credential {
    /// What an answer to a login or a refresh brings.
    pub(crate) fn of(by: By, answer: &Response<Bytes>) -> Self {
        if by == By::Cookie {
            let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
            let pair = cookie.split(';').next().unwrap();
            return Self { header: format!("cookie: {pair}"), refresh: None };
        }
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let header = format!("authorization: Bearer {}", text("access_token"));
        Self { header, refresh: Some(text("refresh_token")) }
    }
}

/// The body of a customer's login.
pub(crate) fn login(customer: u32, by: By) -> Value {
    json!({
        "username": format!("customer{customer}"),
        "password": "guest",
        "credential": if by == By::Cookie { "cookie" } else { "token" },
        "delivery": "body",
    })
}

/// Signs in these customers at this shop, each by cookie and by token, some at a time.
pub(crate) async fn customers(http: &Http, shop: &str, count: u32) -> Vec<String> {
    const AT_ONCE: u32 = 4;
    let tasks: Vec<_> = (1..=AT_ONCE)
        .map(|first| {
            let (http, url) = (http.clone(), format!("{shop}/login"));
            tokio::spawn(async move {
                let mut headers = Vec::new();
                for customer in (first..=count).step_by(AT_ONCE as usize) {
                    for by in [By::Cookie, By::Token] {
                        let body = login(customer, by).to_string().into();
                        let answer = http.answer(Method::POST, &url, None, body).await.unwrap();
                        assert_eq!(answer.status(), 200);
                        headers.push(Credential::of(by, &answer).header);
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
