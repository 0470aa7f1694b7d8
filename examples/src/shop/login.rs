//! Signing in.

use std::net::SocketAddr;
use std::sync::Arc;

use auth_core::{Auth, Persistence, RefreshTokenDelivery, SignInId};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Redirect, Response, Result};
use axum::{Extension, Json};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::input::{Format, Input};
use super::return_path::return_path;
use crate::users::{Denied, User, Users};

#[derive(Deserialize)]
pub(super) struct Login {
    username: String,
    password: String,
    #[serde(default)]
    credential: Credential,
    #[serde(default)]
    delivery: TokenDelivery,
    /// Whether the cookie outlives the browser.
    #[serde(default)]
    remember: bool,
    /// What the user calls the device.
    label: Option<String>,
    /// Where a form goes afterwards.
    next: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Credential {
    /// What the backend prefers: a cookie, if it has one.
    #[default]
    Cookie,
    /// A token in the response's body, for clients that are no browsers.
    Token,
}

/// Where the secret goes that refreshes a token.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TokenDelivery {
    /// Into a cookie that scripts cannot read.
    #[default]
    Cookie,
    /// Into the response's body, for clients that are no browsers.
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
    Input { value: login, format }: Input<Login>,
) -> Result<Response> {
    let checked = users.check(&login.username, &login.password).await;
    let principal = checked.map_err(|denied| deny(denied, &auth))?;
    let (subject, roles) = (principal.subject.clone(), principal.roles.clone());

    let mut sign_in = auth.sign_in(principal);
    if login.credential == Credential::Token {
        sign_in = sign_in.as_tokens();
    }
    if login.delivery == TokenDelivery::Body {
        sign_in = sign_in.deliver(RefreshTokenDelivery::Body);
    }
    if login.remember {
        sign_in = sign_in.persistence(Persistence::Persistent);
    }
    if let Some(label) = login.label.filter(|label| !label.is_empty()) {
        sign_in = sign_in.label(label);
    }
    // The peer's address. Behind a proxy that is the proxy: an application that knows its proxy
    // reads the header that this one sets, and believes nobody else's.
    if let Some(Extension(ConnectInfo(address))) = client {
        sign_in = sign_in.address(address.ip().to_canonical());
    }
    let signed_in = sign_in.await?;

    Ok(match (format, login.next) {
        _ if signed_in.tokens.is_some() => signed_in.into_response(),
        (Format::Form, Some(next)) => Redirect::to(return_path(&next)).into_response(),
        _ => Json(Welcome { subject, roles, sign_in: signed_in.sign_in }).into_response(),
    })
}

/// What went wrong is not said, but what would do: 401 as the layer itself answers it.
fn deny(denied: Denied, auth: &Auth<User>) -> Response {
    match denied {
        Denied::Wrong => {
            let denied = auth.unauthenticated("wrong password");
            let error = Json(json!({ "error": "wrong username or password" }));
            (denied.status(), denied.challenges().clone(), error).into_response()
        }
        Denied::TooOften(wait) => {
            let secs = wait.as_millis().div_ceil(1000);
            let error = "too many wrong passwords: try again later";
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, secs.to_string())], error)
                .into_response()
        }
    }
}
