//! Sends the requests of customers, and records their outcomes.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::history::{Action, Outcome, SignIn};
use super::recorder::Recorder;
use crate::harness::{Credential, Http, login};

/// A client for all customers. Clones share its connections.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) http: Http,
    /// The URLs of the shops, or of a proxy in front of them.
    pub(super) shops: Arc<[String]>,
    pub(super) recorder: Recorder,
}

/// A sign-in, and its credential.
pub(super) struct SignedIn {
    pub(super) sign_in: SignIn,
    credential: Credential,
}

impl Client {
    /// Signs in, and returns the credential if that succeeds.
    pub(super) async fn sign_in(&self, sign_in: SignIn, shop: usize) -> Option<SignedIn> {
        let login = login(sign_in.customer, sign_in.kind);
        let response = self.send(sign_in, Action::SignIn, shop, None, &login).await;
        SignedIn::of(sign_in, response)
    }

    /// Performs the action for a signed-in customer.
    pub(super) async fn call(&self, signed_in: &SignedIn, action: Action, shop: usize) -> Outcome {
        let body = match action {
            Action::AddToCart => json!({ "item": "tea", "quantity": 1 }),
            _ => Value::Null,
        };
        let header = Some(&*signed_in.credential.header);
        self.send(signed_in.sign_in, action, shop, header, &body).await.0
    }

    /// Refreshes the token, and returns the new one if that succeeds.
    pub(super) async fn refresh(&self, old: &SignedIn, shop: usize) -> Option<SignedIn> {
        let body = json!({ "refresh_token": old.credential.refresh.as_deref()? });
        let header = Some(&*old.credential.header);
        let sent = self.send(old.sign_in, Action::Refresh, shop, header, &body).await;
        SignedIn::of(old.sign_in, sent)
    }

    async fn send(
        &self,
        sign_in: SignIn,
        action: Action,
        shop: usize,
        header: Option<&str>,
        body: &Value,
    ) -> (Outcome, Option<http::Response<Bytes>>) {
        let (method, path) = match action {
            Action::SignIn => (Method::POST, "/login"),
            Action::Me => (Method::GET, "/me"),
            Action::Admin => (Method::GET, "/admin"),
            Action::AddToCart => (Method::POST, "/cart"),
            Action::ReadCart => (Method::GET, "/cart"),
            Action::Refresh => (Method::POST, "/refresh"),
            Action::Logout => (Method::POST, "/logout"),
        };
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let (url, sent) = (format!("{}{path}", self.shops[shop]), self.recorder.now());
        let response = self.http.send(method, &url, header, body).await;
        let outcome = match &response {
            Some(response) => outcome(sign_in, action, response),
            None => Outcome::Wrong(None),
        };
        self.recorder.call(sign_in, shop, action, sent, outcome);
        (outcome, response)
    }
}

/// Classifies a response.
fn outcome(sign_in: SignIn, action: Action, response: &http::Response<Bytes>) -> Outcome {
    let (status, headers) = (response.status(), response.headers());
    match (action, status) {
        // The cookie of a new visitor: the credential was not valid.
        (Action::AddToCart | Action::ReadCart, StatusCode::OK)
            if headers.contains_key(header::SET_COOKIE) =>
        {
            Outcome::Refused
        }
        (Action::AddToCart | Action::ReadCart, StatusCode::OK) => {
            let cart: Value = serde_json::from_slice(response.body()).unwrap();
            Outcome::Cart(cart["tea"].as_u64().unwrap_or(0).try_into().unwrap())
        }
        (Action::Me, StatusCode::OK) => {
            let me: Value = serde_json::from_slice(response.body()).unwrap();
            if me["subject"] != format!("customer{}", sign_in.customer) {
                return Outcome::Wrong(Some(status.as_u16()));
            }
            let roles = me["roles"].as_array().unwrap();
            Outcome::Identified { admin: roles.iter().any(|role| role == "admin") }
        }
        (Action::SignIn | Action::Admin | Action::Refresh, StatusCode::OK)
        | (Action::Logout, StatusCode::NO_CONTENT) => Outcome::Served,
        (Action::Admin, StatusCode::FORBIDDEN) => Outcome::Forbidden,
        (_, StatusCode::UNAUTHORIZED) => Outcome::Refused,
        (_, StatusCode::SERVICE_UNAVAILABLE) if headers.contains_key(header::RETRY_AFTER) => {
            Outcome::Unavailable
        }
        _ => Outcome::Wrong(Some(status.as_u16())),
    }
}

impl SignedIn {
    fn of(
        sign_in: SignIn,
        (outcome, response): (Outcome, Option<http::Response<Bytes>>),
    ) -> Option<Self> {
        let response = response.filter(|_| outcome.succeeded())?;
        Some(Self { sign_in, credential: Credential::of(sign_in.kind, &response) })
    }
}
