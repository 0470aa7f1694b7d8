//! Token responses.

use serde_json::json;

use super::curl::{Answer, Curl};

/// What a token response says (RFC 6749 section 5.1).
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) expires_in: u64,
    pub(crate) scope: Option<String>,
}

impl Tokens {
    /// What a successful answer says.
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            access: text("access_token").unwrap(),
            refresh: text("refresh_token"),
            expires_in: body["expires_in"].as_u64().unwrap(),
            scope: text("scope"),
        }
    }

    /// Alice's, on a client that asks for tokens. The refresh token is in a cookie.
    pub(crate) fn of_alice(client: &Curl) -> Self {
        Self::of(&sign_in(client, "cookie"))
    }

    /// Alice's, with the refresh token in the body.
    pub(crate) fn of_alice_in_the_body(client: &Curl) -> Self {
        Self::of(&sign_in(client, "body"))
    }

    /// The refresh token from the body.
    pub(crate) fn refresh(&self) -> &str {
        self.refresh.as_deref().unwrap()
    }
}

fn sign_in(client: &Curl, delivery: &str) -> Answer {
    let login = json!({
        "username": "alice",
        "password": "wonderland",
        "credential": "token",
        "delivery": delivery,
    });
    client.post("/login").json(&login).send()
}
