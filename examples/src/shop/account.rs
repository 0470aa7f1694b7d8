//! The endpoints of the current sign-in: profile, refresh, and logout.
//!
//! They work with cookies and with tokens.

use auth_core::{Auth, Identity, SignInId, Timestamp};
use axum::Json;
use axum::response::{IntoResponse, Response, Result};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::Input;
use crate::users::User;

/// The body of `GET /me`. Times are Unix seconds.
#[derive(Serialize)]
pub(super) struct Me {
    subject: Box<str>,
    display_name: String,
    roles: Vec<Box<str>>,
    scopes: Vec<Box<str>>,
    scheme: &'static str,
    sign_in: Option<SignInId>,
    authenticated_at: Option<u64>,
    expires_at: u64,
}

/// `GET /me`: returns the verified identity. The extractor answers 401 if there is none.
pub(super) async fn me(me: Identity<User>) -> Json<Me> {
    Json(Me {
        subject: me.subject().into(),
        display_name: me.claims().display_name.clone(),
        roles: me.principal().roles.clone(),
        scopes: me.principal().scopes.clone(),
        scheme: me.scheme(),
        sign_in: me.sign_in(),
        authenticated_at: me.authenticated_at().map(Timestamp::as_secs),
        expires_at: me.expires_at().as_secs(),
    })
}

/// `GET /admin`: returns what only admins may see. The route requires the role.
pub(super) async fn admin(me: Identity<User>) -> Json<Value> {
    Json(json!({ "message": format!("{} may see this", me.claims().display_name) }))
}

/// The parameters of a refresh (RFC 6749 section 6), all optional.
#[derive(Default, Deserialize)]
pub(super) struct Refresh {
    /// The refresh token. Defaults to the credential that the request carries.
    refresh_token: Option<Box<str>>,
    /// The scopes of the new token, separated by spaces. They must be a subset of the old ones.
    scope: Option<Box<str>>,
}

/// `POST /refresh`: replaces the secret of the current sign-in, or returns a new pair of tokens. The
/// old credential is no longer valid.
pub(super) async fn refresh(auth: Auth<User>, body: Option<Input<Refresh>>) -> Result<Response> {
    let Refresh { refresh_token, scope } =
        body.map(|Input(refresh, _)| refresh).unwrap_or_default();
    let mut refresh = auth.refresh();
    if let Some(token) = refresh_token {
        refresh = refresh.token(token);
    }
    for scope in scope.iter().flat_map(|scopes| scopes.split_ascii_whitespace()) {
        refresh = refresh.scope(scope);
    }
    let refreshed = refresh.await?;
    Ok(match refreshed.tokens {
        Some(_) => refreshed.into_response(),
        None => Json(json!({ "sign_in": refreshed.sign_in })).into_response(),
    })
}

/// `POST /logout`: ends the current sign-in. Also succeeds without one, so that a client can repeat
/// the request.
pub(super) async fn logout(auth: Auth<User>) -> Result<StatusCode> {
    auth.sign_out().await?;
    Ok(StatusCode::NO_CONTENT)
}
