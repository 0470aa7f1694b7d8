//! An authenticator of an application: API keys, without sign-ins.

use auth_core::{
    Attempt, AuthenticationInfo, Authenticator, Challenge, ChallengeReason, Clock, Identity,
    Outcome, Principal, Rejection, RejectionReason, RequestHead,
};
use http::{HeaderMap, HeaderValue};

use super::backend::Setup;
use crate::app::User;

/// The issuer of the subjects.
const ISSUER: &str = "https://robots.example";

/// Accepts `X-Api-Key: key-of-<subject>`, with the acr `robot`.
pub(crate) struct ApiKeyAuth(Clock);

impl ApiKeyAuth {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self(setup.clock.clone())
    }
}

impl Authenticator for ApiKeyAuth {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        let mut keys = head.headers().get_all("x-api-key").iter();
        let key = keys.next()?;
        let rejected = |reason| Outcome::Rejected(Rejection::new("api-key", reason));
        if keys.any(|other| other != key) {
            return Some(Attempt::explicit(rejected(RejectionReason::Duplicate)));
        }
        let subject = key.to_str().ok().and_then(|key| key.strip_prefix("key-of-"));
        Some(Attempt::explicit(match subject {
            Some(subject) => {
                let principal = Principal::new(subject).acr("robot").claims(User::default());
                let authentication = AuthenticationInfo::new("api-key", None).issuer(ISSUER);
                Outcome::Authenticated(Identity::verified(principal, authentication))
            }
            None => rejected(RejectionReason::Unknown),
        }))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if let ChallengeReason::MissingCredential | ChallengeReason::InvalidCredential(_) = reason {
            Challenge::new("ApiKey").append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("x-api-key")
    }

    fn clock(&self) -> &Clock {
        &self.0
    }
}
