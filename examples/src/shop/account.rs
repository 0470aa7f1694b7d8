//! Signing in and out, and who the user is.

use std::net::SocketAddr;
use std::sync::Arc;

use auth_core::{Auth, Carrier, Identity, Persistence, SignInId};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Redirect, Response, Result};
use axum::{Extension, Json};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::{Format, Input};
use super::return_path::return_path;
use crate::users::{Denied, User, Users};

#[derive(Deserialize)]
pub(super) struct Login {
    username: String,
    password: String,
    #[serde(default)]
    credential: Credential,
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
        sign_in = sign_in.via(Carrier::Explicit);
    }
    if login.remember {
        sign_in = sign_in.persistence(Persistence::Device);
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

/// Times are Unix seconds.
#[derive(Serialize)]
pub(super) struct Me {
    subject: Box<str>,
    display_name: String,
    roles: Vec<Box<str>>,
    scheme: &'static str,
    sign_in: Option<SignInId>,
    authenticated_at: u64,
    expires_at: u64,
}

pub(super) async fn me(me: Identity<User>) -> Json<Me> {
    Json(Me {
        subject: me.subject().into(),
        display_name: me.claims().display_name.clone(),
        roles: me.roles().map(Into::into).collect(),
        scheme: me.scheme(),
        sign_in: me.sign_in(),
        authenticated_at: me.authenticated_at().as_secs(),
        expires_at: me.expires_at().as_secs(),
    })
}

pub(super) async fn admin(me: Identity<User>) -> Json<Value> {
    Json(json!({ "message": format!("{} may see this", me.claims().display_name) }))
}

/// A new secret for the same sign-in; the old one is dead at once.
pub(super) async fn refresh(auth: Auth<User>) -> Result<Response> {
    let refreshed = auth.refresh().await?;
    Ok(match refreshed.tokens {
        Some(_) => refreshed.into_response(),
        None => Json(json!({ "sign_in": refreshed.sign_in })).into_response(),
    })
}

/// Nobody signed in is no error: afterwards nobody is.
pub(super) async fn logout(auth: Auth<User>) -> Result<StatusCode> {
    auth.sign_out().await?;
    Ok(StatusCode::NO_CONTENT)
}
