//! Secrets in the place of an access token: the credential of a sign-in whose second factor is still to be
//! verified, and a refresh token by mistake.
//!
//! The credential is the refresh secret with a prefix of its own. It is no JSON Web Token, so that no service
//! without the store takes it for one.

use std::sync::Arc;

use auth_core::{
    Attempt, AuthFuture, Outcome, RejectionReason, RequestCookie, RequestHead, Transport,
};
use auth_store::{PresentedSecret, Secret, SecretKind};
use serde::de::DeserializeOwned;

use super::backend::refresh_secret;
use super::issuer::WithSignIn;
use crate::authenticator::rejected;
use crate::jwt_auth::JwtAuth;

/// The prefix that distinguishes the credential of a pending sign-in from other tokens.
pub(super) const PENDING_PREFIX: &str = "pen_";

/// Finds such a secret where an access token would be.
pub(super) fn find<C>(auth: &JwtAuth<C, WithSignIn>, head: &RequestHead<'_>) -> Option<Attempt<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let (transport, text) = match &auth.base().cookie {
        _ if head.has_authorization() => (Transport::Explicit, head.credentials("Bearer")?),
        Some(cookie) => match head.cookie(cookie.name()) {
            RequestCookie::One(text) => (Transport::Ambient, text),
            RequestCookie::Absent | RequestCookie::Many => return None,
        },
        None => return None,
    };
    if transport == Transport::Explicit && refresh_secret(text).is_some() {
        // It never authenticates. Another backend could send it to its own issuer.
        return Some(Attempt::explicit(rejected(RejectionReason::WrongKind)));
    }
    let secret = Secret::parse(text.strip_prefix(PENDING_PREFIX.as_bytes())?);
    if transport == Transport::Ambient && head.check_origin(&auth.base().protection).is_err() {
        return Some(Attempt::cross_origin());
    }
    let outcome = match secret {
        Some(secret) => authenticate(auth, secret),
        None => AuthFuture::ready(rejected(RejectionReason::Malformed)),
    };
    Some(Attempt::new(transport, outcome))
}

fn authenticate<C>(auth: &JwtAuth<C, WithSignIn>, secret: Secret) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let credential = PresentedSecret::new(secret, SecretKind::Refresh).of_pending();
    let (sign_ins, now) = (Arc::clone(&auth.mode.sign_ins), auth.base().clock.now());
    match sign_ins.try_authenticate(&credential, now) {
        Some(outcome) => AuthFuture::ready(outcome),
        None => {
            AuthFuture::boxed(async move { sign_ins.authenticate_in_store(&credential, now).await })
        }
    }
}
