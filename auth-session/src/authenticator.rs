//! Authenticating requests by the secret of a session.
//!
//! The secret is in a cookie or in an `Authorization` header.

use std::sync::Arc;

use auth_core::{
    Attempt, AuthFuture, Authenticator, Challenge, ChallengeReason, Clock, CrossOriginProtection,
    Outcome, Rejection, RejectionReason, RequestHead, SignInBackend, Timestamp, Transport,
};
use auth_store::{PresentedSecret, Secret, SecretKind};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{Bearer, Config};
use crate::session_auth::SessionAuth;

impl<C> Authenticator for SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let (kind, secret) = self.config.find(head)?;
        let outcome = match secret {
            Ok(secret) => authenticate(&self.config, secret, kind),
            Err(reason) => AuthFuture::ready(rejected(kind, reason)),
        };
        let transport =
            if kind == SecretKind::Cookie { Transport::Ambient } else { Transport::Explicit };
        Some(Attempt::new(transport, outcome))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if self.config.bearer == Bearer::On {
            Challenge::bearer(reason).append_to(headers);
        }
        if !matches!(reason, ChallengeReason::InsufficientScope(_)) {
            Challenge::new("Session").step_up(reason).append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(match self.config.bearer {
            Bearer::Off => "cookie",
            Bearer::On => "authorization, cookie",
        })
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<C>> {
        Some(self)
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        &self.config.protection
    }

    fn clock(&self) -> &Clock {
        &self.config.sign_ins.settings.clock
    }
}

/// Authenticates a secret: immediately if the store answers without waiting, and asynchronously if
/// not.
fn authenticate<C>(config: &Arc<Config>, secret: Secret, kind: SecretKind) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let (credential, now) = (PresentedSecret::new(secret, kind), config.now());
    match config.sign_ins.try_authenticate(&credential, now) {
        Some(outcome) => AuthFuture::ready(outcome),
        None => authenticate_in_store(config, credential, now),
    }
}

/// Authenticates a secret by the store itself, bypassing every cached copy.
pub(crate) fn authenticate_in_store<C>(
    config: &Arc<Config>,
    credential: PresentedSecret,
    now: Timestamp,
) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let config = Arc::clone(config);
    AuthFuture::boxed(async move { config.sign_ins.authenticate(&credential, now).await })
}

pub(crate) fn rejected<C>(kind: SecretKind, reason: RejectionReason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new(kind.scheme(), reason))
}
