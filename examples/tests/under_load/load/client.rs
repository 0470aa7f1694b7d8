//! Requests of customers. What comes of them is written into the record.

use std::sync::Arc;

use http::{Method, Response, StatusCode, header};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::history::{Answer, Deed, SignIn};
use super::record::Record;
use crate::harness::{Credential, Http, login};

/// Where shops are reached, and by what. A clone has the same connections.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) http: Http,
    /// The URLs of shops, or of what stands in front of them.
    pub(super) shops: Arc<[String]>,
    pub(super) record: Record,
}

/// A sign-in, and what the customer sends for it.
pub(super) struct SignedIn {
    pub(super) sign_in: SignIn,
    credential: Credential,
}

impl Client {
    /// What the customer has then, if it was done.
    pub(super) async fn sign_in(&self, sign_in: SignIn, shop: usize) -> Option<SignedIn> {
        let login = login(sign_in.customer, sign_in.by);
        let response = self.send(sign_in, Deed::SignIn, shop, None, &login).await;
        SignedIn::of(sign_in, response)
    }

    pub(super) async fn ask(&self, one: &SignedIn, deed: Deed, shop: usize) -> Answer {
        let body = match deed {
            Deed::Add => json!({ "item": "tea", "quantity": 1 }),
            _ => Value::Null,
        };
        self.send(one.sign_in, deed, shop, Some(&one.credential.header), &body).await.0
    }

    /// The next access token of the same sign-in, if it was done.
    pub(super) async fn refresh(&self, one: &SignedIn, shop: usize) -> Option<SignedIn> {
        let body = json!({ "refresh_token": one.credential.refresh.as_deref()? });
        let header = Some(&*one.credential.header);
        SignedIn::of(one.sign_in, self.send(one.sign_in, Deed::Refresh, shop, header, &body).await)
    }

    async fn send(
        &self,
        sign_in: SignIn,
        deed: Deed,
        shop: usize,
        header: Option<&str>,
        body: &Value,
    ) -> (Answer, Option<Response<Bytes>>) {
        let (method, path) = match deed {
            Deed::SignIn => (Method::POST, "/login"),
            Deed::Look => (Method::GET, "/me"),
            Deed::Admin => (Method::GET, "/admin"),
            Deed::Add => (Method::POST, "/cart"),
            Deed::Cart => (Method::GET, "/cart"),
            Deed::Refresh => (Method::POST, "/refresh"),
            Deed::Logout => (Method::POST, "/logout"),
        };
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let (url, sent) = (format!("{}{path}", self.shops[shop]), self.record.now());
        let response = self.http.answer(method, &url, header, body).await;
        let answer = response.as_ref();
        let answer = answer.map_or(Answer::Wrong(None), |response| said(sign_in, deed, response));
        self.record.call(sign_in, shop, deed, sent, answer);
        (answer, response)
    }
}

fn said(sign_in: SignIn, deed: Deed, response: &Response<Bytes>) -> Answer {
    let (status, headers) = (response.status(), response.headers());
    match (deed, status) {
        // A visitor's cart, with the cookie of a new visitor.
        (Deed::Add | Deed::Cart, StatusCode::OK) if headers.contains_key(header::SET_COOKIE) => {
            Answer::Refused
        }
        (Deed::Add | Deed::Cart, StatusCode::OK) => {
            let cart: Value = serde_json::from_slice(response.body()).unwrap();
            Answer::Holds(cart["tea"].as_u64().unwrap_or(0).try_into().unwrap())
        }
        (Deed::Look, StatusCode::OK) => {
            let me: Value = serde_json::from_slice(response.body()).unwrap();
            if me["subject"] != format!("customer{}", sign_in.customer) {
                return Answer::Wrong(Some(status.as_u16()));
            }
            let roles = me["roles"].as_array().unwrap();
            Answer::Named { admin: roles.iter().any(|role| role == "admin") }
        }
        (Deed::SignIn | Deed::Admin | Deed::Refresh, StatusCode::OK)
        | (Deed::Logout, StatusCode::NO_CONTENT) => Answer::Served,
        (Deed::Admin, StatusCode::FORBIDDEN) => Answer::Forbidden,
        (_, StatusCode::UNAUTHORIZED) => Answer::Refused,
        (_, StatusCode::SERVICE_UNAVAILABLE) if headers.contains_key(header::RETRY_AFTER) => {
            Answer::Unavailable
        }
        _ => Answer::Wrong(Some(status.as_u16())),
    }
}

impl SignedIn {
    fn of(sign_in: SignIn, (answer, response): (Answer, Option<Response<Bytes>>)) -> Option<Self> {
        let response = response.filter(|_| answer.done())?;
        Some(Self { sign_in, credential: Credential::of(sign_in.by, &response) })
    }
}
