//! `POST /login`: verifies a password and signs the user in.
//!
//! The handler is the same for cookies and for tokens. The application verifies the password; the
//! layer issues the credential, replaces the one that the request carried, and moves the visitor's
//! session data to the user.

use std::net::SocketAddr;
use std::sync::Arc;

use auth_core::{Auth, Persistence, RefreshTokenDelivery, SignInId};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response, Result};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::input::{Format, Input, redirect};
use crate::users::{Denied, User, Users};

#[derive(Deserialize)]
pub(super) struct LoginRequest {
    username: String,
    password: String,
    #[serde(default)]
    credential: Credential,
    #[serde(default)]
    delivery: TokenDelivery,
    /// Whether the cookie outlives the browser session ("remember me").
    #[serde(default)]
    remember: bool,
    /// The user's name for the device.
    label: Option<String>,
    /// Where to redirect a form afterwards.
    next: Option<String>,
}

/// The kind of credential that the client requests.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Credential {
    /// The default of the backend: a cookie if it issues cookies.
    #[default]
    Cookie,
    /// A token in the response body, for clients that are not browsers.
    Token,
}

/// Where the client receives the refresh token.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TokenDelivery {
    /// In a cookie that scripts cannot read.
    #[default]
    Cookie,
    /// In the response body, for clients that are not browsers.
    Body,
}

#[derive(Serialize)]
struct Welcome {
    subject: Arc<str>,
    roles: Vec<Box<str>>,
    sign_in: SignInId,
}

pub(super) async fn login(
    State(users): State<Users>,
    auth: Auth<User>,
    client: Option<Extension<ConnectInfo<SocketAddr>>>,
    Input(request, format): Input<LoginRequest>,
) -> Result<Response> {
    let address = client.map(|Extension(ConnectInfo(client))| client.ip().to_canonical());
    let checked = users.for_client(address).check(&request.username, &request.password).await;
    let principal = checked.map_err(|denied| refuse(denied, &auth))?;
    let (subject, roles) = (principal.subject.clone(), principal.roles.clone());

    let mut sign_in = auth.sign_in(principal);
    // Only if the client requests it: without `as_tokens` or `as_cookie`, the backend decides.
    if request.credential == Credential::Token {
        sign_in = sign_in.as_tokens();
    }
    if request.delivery == TokenDelivery::Body {
        sign_in = sign_in.deliver(RefreshTokenDelivery::Body);
    }
    if request.remember {
        sign_in = sign_in.persistence(Persistence::Persistent);
    }
    if let Some(label) = request.label.filter(|label| !label.is_empty()) {
        sign_in = sign_in.label(label);
    }
    // For the device list.
    if let Some(address) = address {
        sign_in = sign_in.address(address);
    }
    // This replaces the credential of the request. A visitor's secret that an attacker has planted or
    // seen is not valid for the user (session fixation).
    let signed_in = sign_in.await?;

    Ok(match (format, request.next) {
        _ if signed_in.tokens.is_some() => signed_in.into_response(),
        (Format::Form, Some(next)) => redirect(&next),
        _ => Json(Welcome { subject, roles, sign_in: signed_in.sign_in }).into_response(),
    })
}

/// Answers a failed login with 401, 429, or 503 while the store does not answer. The response does not reveal whether the username exists.
fn refuse(denied: Denied, auth: &Auth<User>) -> Response {
    match denied {
        Denied::WrongCredentials => {
            // The layer's own 401: the same status and the same `WWW-Authenticate` challenges.
            let unauthenticated = auth.wrong_credentials("wrong password");
            let error = Json(json!({ "error": "wrong username or password" }));
            (unauthenticated.status(), unauthenticated.headers().clone(), error).into_response()
        }
        Denied::Throttled(error) => error.into_response(),
    }
}
