//! The device list: where the user is signed in, and how to end those sign-ins.
//!
//! Each entry is a stored sign-in. Ending one revokes its credential on every shop.

use std::net::IpAddr;

use auth_core::{Auth, Identity, SignInId, SignInInfo};
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Result;
use http::StatusCode;
use serde::Serialize;

use crate::users::User;

/// A sign-in as the device list shows it. Times are Unix seconds.
#[derive(Serialize)]
pub(super) struct Device {
    sign_in: SignInId,
    current: bool,
    user_agent: Option<Box<str>>,
    address: Option<IpAddr>,
    label: Option<Box<str>>,
    created_at: u64,
    last_seen_at: u64,
    expires_at: u64,
}

impl From<SignInInfo> for Device {
    fn from(info: SignInInfo) -> Self {
        Self {
            sign_in: info.id,
            current: info.current,
            user_agent: info.user_agent,
            address: info.address,
            label: info.label,
            created_at: info.created_at.as_secs(),
            last_seen_at: info.last_seen_at.as_secs(),
            expires_at: info.expires_at.as_secs(),
        }
    }
}

/// `GET /devices`: lists the user's sign-ins, oldest first.
pub(super) async fn list(auth: Auth<User>) -> Result<Json<Vec<Device>>> {
    let sign_ins = auth.sign_ins().await?;
    Ok(Json(sign_ins.into_iter().map(Device::from).collect()))
}

/// `DELETE /devices/{sign_in}`: ends one sign-in of the user. Answers 404 for any other ID, so that
/// nothing is revealed about other users' sign-ins.
pub(super) async fn end(
    me: Identity<User>,
    auth: Auth<User>,
    sign_in: Result<Path<SignInId>, PathRejection>,
) -> Result<StatusCode> {
    let Ok(Path(sign_in)) = sign_in else { return Err(StatusCode::NOT_FOUND.into()) };
    if me.sign_in() == Some(sign_in) {
        auth.sign_out().await?; // removes the cookie, too
    } else if !auth.revoke(sign_in).await? {
        return Err(StatusCode::NOT_FOUND.into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /logout-others`: ends all sign-ins of the user except the current one.
pub(super) async fn logout_others(auth: Auth<User>) -> Result<StatusCode> {
    auth.revoke_others().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /logout-everywhere`: ends all sign-ins of the user.
pub(super) async fn logout_everywhere(auth: Auth<User>) -> Result<StatusCode> {
    auth.revoke_all().await?;
    Ok(StatusCode::NO_CONTENT)
}
