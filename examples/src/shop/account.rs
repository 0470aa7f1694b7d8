//! Who the user is, and signing out.

use auth_core::{Auth, Identity, SignInId};
use axum::Json;
use axum::response::Result;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::users::User;

/// Times are Unix seconds.
#[derive(Serialize)]
pub(super) struct Me {
    subject: Box<str>,
    display_name: String,
    roles: Vec<Box<str>>,
    scopes: Vec<Box<str>>,
    scheme: &'static str,
    sign_in: Option<SignInId>,
    authenticated_at: u64,
    expires_at: u64,
}

pub(super) async fn me(me: Identity<User>) -> Json<Me> {
    Json(Me {
        subject: me.subject().into(),
        display_name: me.claims().display_name.clone(),
        roles: me.principal().roles.clone(),
        scopes: me.principal().scopes.clone(),
        scheme: me.scheme(),
        sign_in: me.sign_in(),
        authenticated_at: me.authenticated_at().as_secs(),
        expires_at: me.expires_at().as_secs(),
    })
}

pub(super) async fn admin(me: Identity<User>) -> Json<Value> {
    Json(json!({ "message": format!("{} may see this", me.claims().display_name) }))
}

/// Nobody signed in is no error: afterwards nobody is.
pub(super) async fn logout(auth: Auth<User>) -> Result<StatusCode> {
    auth.sign_out().await?;
    Ok(StatusCode::NO_CONTENT)
}
