//! Refreshing.

use auth_core::Auth;
use axum::Json;
use axum::response::{IntoResponse, Response, Result};
use serde::Deserialize;
use serde_json::json;

use super::input::Input;
use crate::users::User;

/// What a body may say, by RFC 6749 section 6. Without one the request's own credential is renewed.
#[derive(Default, Deserialize)]
pub(super) struct Refresh {
    refresh_token: Option<Box<str>>,
    /// The scopes that the new token shall have, separated by spaces: no more than the old one.
    scope: Option<Box<str>>,
}

/// A new secret for the same sign-in, or a new pair of tokens; the old one is dead.
pub(super) async fn refresh(auth: Auth<User>, body: Option<Input<Refresh>>) -> Result<Response> {
    let Refresh { refresh_token, scope } = body.map(|input| input.value).unwrap_or_default();
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
