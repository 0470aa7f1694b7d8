//! Token responses.

use serde_json::json;

use super::curl::{Curl, Response};

/// The parameters of a token response (RFC 6749 section 5.1).
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) expires_in: u64,
    pub(crate) scope: Option<String>,
}

impl Tokens {
    /// Reads a successful response.
    pub(crate) fn of(response: &Response) -> Self {
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        let body = response.json();
        assert_eq!(body["token_type"], "Bearer");
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            access: text("access_token").unwrap(),
            refresh: text("refresh_token"),
            expires_in: body["expires_in"].as_u64().unwrap(),
            scope: text("scope"),
        }
    }

    /// Signs Alice in by token. The refresh token is in a cookie.
    pub(crate) fn of_alice(client: &Curl) -> Self {
        Self::of(&sign_in(client, "cookie"))
    }

    /// Signs Alice in by token. The refresh token is in the body.
    pub(crate) fn of_alice_in_body(client: &Curl) -> Self {
        Self::of(&sign_in(client, "body"))
    }

    /// Returns the refresh token from the body.
    pub(crate) fn refresh(&self) -> &str {
        self.refresh.as_deref().unwrap()
    }

    /// Returns the access token as a header line.
    pub(crate) fn header(&self) -> String {
        bearer(&self.access)
    }

    /// Sends the refresh token from the body, and returns the response.
    pub(crate) fn send_refresh(&self, client: &Curl) -> Response {
        client.post("/refresh").json(&json!({ "refresh_token": self.refresh() })).send()
    }
}

/// Returns the header line with this bearer token.
pub(crate) fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

fn sign_in(client: &Curl, delivery: &str) -> Response {
    let login = json!({
        "username": "alice",
        "password": "wonderland",
        "credential": "token",
        "delivery": delivery,
    });
    client.post("/login").json(&login).send()
}
